// SPDX-License-Identifier: Apache-2.0
// The account's server certificates: uploaded, found, deleted.
import assert from 'node:assert/strict';

const REQUEST_ID = /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/;

async function fillIn(w, {name, chain, key}) {
  await w.open('certificates');
  await w.page.getByRole('button', {name: w.t.certificates.upload}).click();
  const dialog = w.page.getByRole('dialog', {name: w.t.certificates.upload});
  await dialog.getByLabel(w.t.certificates.name, {exact: true}).fill(name);
  await dialog.getByRole('textbox', {name: w.t.certificates.cert}).fill(chain);
  await dialog.getByRole('textbox', {name: w.t.certificates.privateKey}).fill(key);
  await dialog.getByRole('button', {name: w.t.certificates.uploadNow}).click();
  return dialog;
}

async function refusedAt(w, dialog, label) {
  const item = dialog.locator('.ant-form-item', {has: w.page.getByLabel(label, {exact: true})});
  const told = item.locator('.ant-form-item-explain-error');
  await told.getByText(REQUEST_ID).waitFor();
  return told.innerText();
}

async function find(w, name) {
  await w.page.getByRole('searchbox', {name: w.t.certificates.search}).fill(name);
  await w.page.getByRole('row', {name: new RegExp(name)}).first().waitFor();
}

const ids = async (w, name) => (await w.sql(`SELECT id FROM server_certificate WHERE name = '${name}'`)).map(([id]) => id);
const file = (name, text) => ({name, mimeType: 'application/x-pem-file', buffer: Buffer.from(text)});

export const stories = [
  {
    name: 'certificates: the key of another certificate, and a name that is taken, are told at their fields, and nothing is kept',
    async run(w) {
      const name = `wrong-${w.unique()}`;
      const [one, other] = [await w.issue(`${name}.example.com`), await w.upload(`other-${name}.example.com`)];
      w.expectStatus(400, 'UploadUserCertificate');
      let dialog = await fillIn(w, {name, chain: one.chain, key: other.key});
      assert.match(await refusedAt(w, dialog, w.t.certificates.privateKey), /not the private key/);
      dialog = await fillIn(w, {name: other.name, chain: one.chain, key: one.key});
      assert.match(await refusedAt(w, dialog, w.t.certificates.name), /NameRepeat/);
      dialog = await fillIn(w, {name, chain: 'nothing', key: one.key});
      await refusedAt(w, dialog, w.t.certificates.cert);
      assert.deepEqual(await ids(w, name), []);
    },
  },
  {
    name: 'certificates: one is uploaded, looked at without its key, and deleted',
    async run(w) {
      const name = `shop-${w.unique()}`;
      const made = await w.issue(`${name}.example.com`);
      await (await fillIn(w, {...made, name})).waitFor({state: 'detached'});
      const [id] = await ids(w, name);
      await w.page.getByRole('row', {name: new RegExp(name)}).getByText(`${id}-cn-hangzhou`).waitFor();
      await w.page.getByRole('button', {name: w.t.certificates.detailsOf(name)}).click();
      const drawer = w.page.getByRole('dialog', {name});
      await drawer.getByText(made.sha256).waitFor();
      await drawer.getByText(w.t.certificates.pem).click();
      await drawer.getByText(made.crt.split('\n')[1]).waitFor();
      assert.ok(!(await w.page.content()).includes('PRIVATE KEY'));
      await w.page.keyboard.press('Escape');
      await w.page.getByRole('button', {name: `${w.t.common.delete} ${name}`}).click();
      await w.page.getByRole('dialog', {name: w.t.certificates.deleteOne(name)}).getByRole('button', {name: w.t.common.delete}).click();
      await w.page.getByText(w.t.certificates.deleted(name)).waitFor();
      assert.deepEqual(await ids(w, name), []);
    },
  },
  {
    name: 'certificates: a file dropped on its field is taken',
    async run(w) {
      const name = `dropped-${w.unique()}`;
      const made = await w.issue(`${name}.example.com`);
      await w.open('certificates');
      await w.page.getByRole('button', {name: w.t.certificates.upload}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.certificates.upload});
      for (const [label, text] of [[w.t.certificates.cert, made.chain], [w.t.certificates.privateKey, made.key]]) {
        const box = dialog.getByRole('textbox', {name: label});
        const dropped = await w.page.evaluateHandle((pem) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([pem], 'one.pem'));
          return transfer;
        }, text);
        await box.dispatchEvent('drop', {dataTransfer: dropped});
        await w.eventually(async () => await box.inputValue() === text, `the dropped ${label}`);
      }
      await dialog.getByLabel(w.t.certificates.name, {exact: true}).fill(name);
      await dialog.getByRole('button', {name: w.t.certificates.uploadNow}).click();
      await dialog.waitFor({state: 'detached'});
      assert.equal((await ids(w, name)).length, 1);
    },
  },
  {
    name: 'certificates: one that a domain uses is kept, and where it is used is told',
    async run(w) {
      const domain = `used-${w.unique()}.example.com`;
      const {identifier, name} = await w.upload(domain);
      await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: identifier, SniConfig: `${domain}#${identifier}`});
      await w.open('certificates');
      await find(w, name);
      w.expectStatus(400, 'DeleteUserCertificate');
      await w.page.getByRole('button', {name: `${w.t.common.delete} ${name}`}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.certificates.deleteOne(name)});
      await dialog.getByText(w.t.certificates.isUsed).waitFor();
      await dialog.getByRole('button', {name: w.t.common.delete}).click();
      await dialog.getByRole('alert').getByText(w.instance).waitFor();
      await dialog.getByRole('alert').getByText(REQUEST_ID).waitFor();
      assert.equal((await ids(w, name)).length, 1);
    },
  },
  {
    name: 'certificates: many are uploaded with progress, a file without its counterpart is told, and all are deleted at once',
    async run(w) {
      const stem = `many-${w.unique()}`;
      const made = await Promise.all([1, 2, 3].map((n) => w.issue(`${stem}-${n}.example.com`)));
      await w.open('certificates');
      await w.page.getByRole('button', {name: w.t.certificates.uploadMany}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.certificates.uploadMany});
      const files = made.flatMap((m, n) => [file(`${stem}-${n + 1}.fullchain.pem`, m.chain), file(`${stem}-${n + 1}.key`, m.key)]);
      await dialog.locator('input[type=file]:not([webkitdirectory])').setInputFiles([...files, file(`${stem}-lonely.crt`, made[0].chain)]);
      await dialog.getByText(`${stem}-lonely.crt: ${w.t.certificates.why.noKey}`).waitFor();
      await dialog.getByRole('button', {name: w.t.certificates.uploadPairs(3)}).click();
      const progress = w.page.getByRole('dialog', {name: w.t.certificates.uploading});
      await progress.getByText(w.t.common.doneOf(3, 3, 0)).waitFor();
      await progress.getByRole('button', {name: w.t.common.close, exact: true}).click();
      assert.equal((await w.sql(`SELECT 1 FROM server_certificate WHERE name LIKE '${stem}-_'`)).length, 3);
      await find(w, stem);
      await w.page.getByRole('checkbox', {name: w.t.certificates.selectPage}).check();
      await w.page.getByRole('button', {name: w.t.certificates.deleteSelected}).click();
      await w.page.getByRole('dialog', {name: w.t.certificates.deleteMany(3)}).getByRole('button', {name: w.t.common.delete}).click();
      const deleting = w.page.getByRole('dialog', {name: w.t.certificates.deleting});
      await deleting.getByText(w.t.common.doneOf(3, 3, 0)).waitFor();
      await deleting.getByRole('button', {name: w.t.common.close, exact: true}).click();
      await w.page.getByText(w.t.certificates.noneFound).waitFor();
      assert.deepEqual(await w.sql(`SELECT 1 FROM server_certificate WHERE name LIKE '${stem}-_'`), []);
    },
  },
];
