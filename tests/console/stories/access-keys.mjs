// SPDX-License-Identifier: Apache-2.0
// Access keys, and the audit trail of what is done with them.
import assert from 'node:assert/strict';

async function fillGrant(dialog, w, n, action, instance) {
  await dialog.getByRole('combobox', {name: `${w.t.accessKeys.action} ${n}`}).fill(action);
  await dialog.getByRole('combobox', {name: `${w.t.accessKeys.instance} ${n}`}).fill(instance);
  await w.page.keyboard.press('Tab'); // what was typed stays: nothing that is suggested is taken for it
}

async function openForm(w) {
  await w.open('access-keys');
  await w.page.getByRole('button', {name: w.t.accessKeys.create}).click();
  return w.page.getByRole('dialog');
}

// What the dialog tells of a key that has just been made; the key is deleted when the story is over.
async function newSecret(w) {
  const told = w.page.getByRole('dialog', {name: w.t.accessKeys.secretTitle});
  await told.locator('code').first().waitFor();
  const [key_id, secret] = await told.locator('code').allInnerTexts();
  w.later(() => w.call('DeleteAccessKey', {UserAccessKeyId: key_id}));
  return {told, key_id, secret};
}

const rowOf = (w, id) => w.page.getByRole('row', {name: id});

export const stories = [
  {
    name: 'access keys: one is made, its secret is shown once and works for what it was given',
    async run(w) {
      const dialog = await openForm(w);
      await dialog.getByLabel(w.t.accessKeys.description).fill('CI of team 甲');
      await fillGrant(dialog, w, 1, 'read', w.instance);
      await dialog.getByRole('button', {name: w.t.accessKeys.create}).click();
      const {told, key_id, secret} = await newSecret(w);
      await told.getByRole('button', {name: w.t.accessKeys.kept}).click();
      await rowOf(w, key_id).waitFor();
      const made = {key_id, secret};
      assert.equal((await w.call('DescribeInstance', {MqttInstanceId: w.instance}, made)).MqttInstanceId, w.instance);
      await assert.rejects(w.call('CreateInstance', {}, made), {status: 403});
      assert.ok(!(await w.page.locator('body').innerHTML()).includes(secret), 'the secret is still in the page');
      assert.equal(await w.ask('logged', {text: secret}), 0);
    },
  },
  {
    name: 'access keys: a grant that is none is told with the request ID, and no key is made',
    async run(w) {
      const description = w.unique();
      const dialog = await openForm(w);
      w.expectStatus(400, 'CreateAccessKey');
      await dialog.getByLabel(w.t.accessKeys.description).fill(description);
      await fillGrant(dialog, w, 1, 'everything', '*');
      await dialog.getByRole('button', {name: w.t.accessKeys.create}).click();
      await dialog.getByText(/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/).waitFor();
      assert.deepEqual(await w.sql(`SELECT 1 FROM access_key WHERE description = '${description}'`), []);
    },
  },
  {
    name: 'access keys: disabled, enabled, followed by another, deleted',
    async run(w) {
      const who = await w.key(['read@*']);
      const works = (key) => w.call('ListInstances', {}, key).then(() => true, () => false);
      const press = (text) => rowOf(w, who.key_id).getByRole('button', {name: `${text} ${who.key_id}`}).click();
      const confirm = (title, text) => w.page.getByRole('dialog', {name: title}).getByRole('button', {name: text}).click();
      await w.open('access-keys');
      await press(w.t.accessKeys.disable);
      await confirm(w.t.accessKeys.disableTitle(who.key_id), w.t.accessKeys.disable);
      await rowOf(w, who.key_id).getByText(w.t.common.inactive).waitFor();
      assert.equal(await works(who), false);
      await press(w.t.accessKeys.enable);
      await rowOf(w, who.key_id).getByText(w.t.common.active, {exact: true}).waitFor();
      assert.equal(await works(who), true);
      await press(w.t.accessKeys.rotate);
      await confirm(w.t.accessKeys.rotateTitle(who.key_id), w.t.accessKeys.rotate);
      const {told, key_id, secret} = await newSecret(w);
      await told.getByRole('button', {name: w.t.accessKeys.kept}).click();
      assert.deepEqual([await works(who), await works({key_id, secret})], [true, true]);
      await press(w.t.common.delete);
      await confirm(w.t.accessKeys.deleteTitle(who.key_id), w.t.common.delete);
      await rowOf(w, who.key_id).waitFor({state: 'detached'});
      assert.deepEqual([await works(who), await works({key_id, secret})], [false, true]);
    },
  },
  {
    name: 'access keys: the browser\'s Back does not lose a new secret, which stays until it is said to be kept',
    async run(w) {
      await w.open('instances');
      await w.page.getByRole('link', {name: w.t.shell.menu.accessKeys}).click();
      await w.page.getByRole('button', {name: w.t.accessKeys.create}).click();
      const dialog = w.page.getByRole('dialog');
      await fillGrant(dialog, w, 1, 'read', w.instance);
      await dialog.getByRole('button', {name: w.t.accessKeys.create}).click();
      const {told, key_id, secret} = await newSecret(w);
      await w.page.goBack();
      await w.page.getByRole('heading', {level: 1, name: w.t.instances.title, includeHidden: true}).waitFor();
      await w.page.keyboard.press('Escape');
      assert.deepEqual(await told.locator('code').allInnerTexts(), [key_id, secret]);
      await told.getByRole('button', {name: w.t.accessKeys.kept}).click();
      await told.waitFor({state: 'detached'});
      assert.ok(!(await w.page.locator('body').innerHTML()).includes(secret), 'the secret is still in the page');
    },
  },
  {
    name: 'access keys: who disables the key of their own session is told that it ends, and then it does',
    async run(w) {
      const [mine, other] = [await w.key(['admin@*']), await w.key(['read@*'])];
      w.page = await w.newPage({key: mine});
      await w.open('access-keys');
      const press = async ({key_id}) => {
        await rowOf(w, key_id).getByRole('button', {name: `${w.t.accessKeys.disable} ${key_id}`}).click();
        return w.page.getByRole('dialog', {name: w.t.accessKeys.disableTitle(key_id)});
      };
      const foreign = await press(other);
      await foreign.getByText(w.t.accessKeys.disableText).waitFor();
      assert.ok(!(await foreign.innerText()).includes(w.t.accessKeys.yourOwn));
      await foreign.getByRole('button', {name: w.t.common.cancel}).click();
      const own = await press(mine);
      await own.getByText(w.t.accessKeys.yourOwn).waitFor();
      w.expectStatus(401, '/console/api/');
      await own.getByRole('button', {name: w.t.accessKeys.disable}).click();
      await w.page.getByLabel('AccessKeySecret').waitFor();
      await assert.rejects(w.call('ListInstances', {}, mine), {code: 'InvalidAccessKeyId.Inactive'});
    },
  },
  {
    name: 'access keys: another description does not give back the grants that somebody else has taken away meanwhile',
    async run(w) {
      const who = await w.key(['admin@*']);
      await w.open('access-keys');
      await rowOf(w, who.key_id).waitFor();
      await w.call('SetAccessKeyGrants', {UserAccessKeyId: who.key_id, 'Grants.1.Action': 'read', 'Grants.1.MqttInstanceId': w.instance});
      await rowOf(w, who.key_id).getByRole('button', {name: `${w.t.accessKeys.edit} ${who.key_id}`}).click();
      const dialog = w.page.getByRole('dialog', {name: who.key_id});
      await dialog.getByLabel(w.t.accessKeys.description).fill('of team 乙');
      await dialog.getByRole('button', {name: w.t.common.save}).click();
      await dialog.waitFor({state: 'detached'});
      await rowOf(w, who.key_id).getByText('of team 乙').waitFor();
      assert.deepEqual(await w.sql(`SELECT action FROM access_grant WHERE access_key_id = '${who.key_id}'`), [['read']]);
    },
  },
  {
    name: 'audit: a change is found by its key and operation, with what was before and after',
    async run(w) {
      const {key_id} = await w.key(['read@*']);
      await w.call('UpdateAccessKey', {UserAccessKeyId: key_id, Description: `now ${key_id}`});
      await w.open('audit');
      await w.page.getByRole('textbox', {name: w.t.audit.action}).fill('UpdateAccessKey');
      await w.page.getByRole('textbox', {name: w.t.audit.key}).fill(w.admin.key_id);
      await w.page.getByRole('button', {name: w.t.common.search}).click();
      const row = w.page.getByRole('row', {name: new RegExp(key_id)});
      await row.getByRole('button').first().click();
      await w.page.getByText(`now ${key_id}`).waitFor();
    },
  },
  {
    name: 'audit: what cannot be searched for is told',
    async run(w) {
      await w.open('audit');
      w.expectStatus(400, 'ListAuditEvents');
      await w.page.getByRole('textbox', {name: w.t.audit.action}).fill('no such thing!');
      await w.page.getByRole('button', {name: w.t.common.search}).click();
      await w.page.getByRole('alert').getByText('InvalidEventAction').waitFor();
    },
  },
];
