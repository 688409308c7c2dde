// SPDX-License-Identifier: Apache-2.0
// Which domain is served with which certificate: a draft, its preview, and what the broker serves then.
import assert from 'node:assert/strict';

const REQUEST_ID = /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/;
const MANY = 10_000;

// What is configured when a story begins: `entries`, [domain, certificate] each.
async function configure(w, base, entries) {
  const SniConfig = entries.map(([domain, {identifier, password}]) => `${domain}#${identifier}${password === undefined ? '' : `#${password}`}`).join(';');
  await w.call('SetSniConfig', {MqttInstanceId: w.instance, DefaultCertificate: base.identifier, SniConfig});
}

// One domain with one certificate, and another certificate that is good for everything else that a story names.
async function mapped(w) {
  const zone = `${w.unique()}.example.com`;
  const one = await w.upload(`first.${zone}`);
  const other = await w.upload(zone, {sans: [zone, `*.${zone}`, `*.first.${zone}`]});
  await configure(w, one, [[`first.${zone}`, one]]);
  return {zone, domain: `first.${zone}`, one, other};
}

const row = (w, domain) => w.page.getByRole('row', {name: new RegExp(`(^|\\s)${domain.replace(/[.*]/g, '\\$&')}`)});
const button = (w, text, domain) => w.page.getByRole('button', {name: `${text} ${domain}`, exact: true});
const draft = (w) => w.page.getByRole('region', {name: w.t.domains.draft});

async function fillIn(w, dialog, {domain, certificate, password}) {
  if (domain !== undefined) {
    await dialog.getByLabel(w.t.domains.domain, {exact: true}).fill(domain);
  }
  await dialog.getByRole('combobox', {name: w.t.domains.certificate}).fill(certificate);
  if (password !== undefined) {
    await dialog.getByLabel(w.t.domains.password).fill(password);
  }
  await dialog.getByRole('button', {name: w.t.domains.toDraft}).click();
}

async function openForm(w) {
  await w.page.getByRole('button', {name: w.t.domains.add}).click();
  return w.page.getByRole('dialog', {name: w.t.domains.add});
}

async function add(w, domain, {identifier}) {
  const dialog = await openForm(w);
  await fillIn(w, dialog, {domain, certificate: identifier});
  await dialog.waitFor({state: 'hidden'});
}

// At its field, with the request ID that the API's log has.
async function refusedAt(w, dialog, label) {
  const item = dialog.locator('.ant-form-item', {has: w.page.getByLabel(label, {exact: true})});
  const told = item.locator('.ant-form-item-explain-error');
  await told.getByText(REQUEST_ID).waitFor();
  const text = await told.innerText();
  assert.equal(await w.ask('logged', {text: REQUEST_ID.exec(text)[0]}), 1);
  return text;
}

async function preview(w) {
  await draft(w).getByRole('button', {name: w.t.domains.preview}).click();
  await draft(w).getByRole('alert').waitFor();
}

const applyButton = (w) => draft(w).getByRole('button', {name: w.t.domains.apply});

// Until the page says that every broker serves it.
async function apply(w) {
  await preview(w);
  await applyButton(w).click();
  const dialog = w.page.getByRole('dialog', {name: w.t.domains.rollout});
  await dialog.getByText(w.t.common.rollout.applied).waitFor();
  await dialog.getByText(w.t.domains.current, {exact: true}).waitFor();
  await dialog.getByRole('button', {name: w.t.common.close, exact: true}).last().click();
  await draft(w).waitFor({state: 'detached'});
}

async function paste(w, text, mode = 'merge') {
  await w.page.getByRole('button', {name: w.t.domains.import}).click();
  const dialog = w.page.getByRole('dialog', {name: w.t.domains.import});
  await dialog.getByLabel(w.t.domains.text).fill(text);
  await dialog.getByRole('radio', {name: w.t.domains[mode]}).check();
  await dialog.getByRole('button', {name: w.t.domains.read}).click();
  return dialog;
}

async function intoDraft(w, dialog) {
  await dialog.getByRole('button', {name: w.t.domains.toDraft}).click();
  await dialog.waitFor({state: 'hidden'});
}

const stored = async (w, domain) => (await w.sql(`SELECT certificate_id FROM sni_mapping
  WHERE mqtt_instance_id = '${w.instance}' AND domain = '${domain}' AND certificate_id IS NOT NULL`)).map(([id]) => `${id}-cn-hangzhou`);

export const stories = [
  {
    name: 'domains: what is wrong with a new one is told at its field, with the request ID',
    async run(w) {
      const {zone, one} = await mapped(w);
      await w.openTab('domains');
      const dialog = await openForm(w);
      await fillIn(w, dialog, {domain: '10.0.0.1', certificate: one.identifier});
      assert.match(await refusedAt(w, dialog, w.t.domains.domain), /IP address/);
      await fillIn(w, dialog, {domain: `a.${zone}`, certificate: '99999999-cn-hangzhou'});
      assert.match(await refusedAt(w, dialog, w.t.domains.certificate), /does not exist/);
      await fillIn(w, dialog, {domain: `a.${zone}`, certificate: one.identifier, password: 'open sesame'});
      assert.match(await refusedAt(w, dialog, w.t.domains.password), /not encrypted/);
      await fillIn(w, dialog, {domain: `FIRST.${zone}.`, certificate: one.identifier, password: ''});
      await dialog.getByText(w.t.domains.twice).waitFor();
      assert.equal(await draft(w).count(), 0);
    },
  },
  {
    name: 'domains: one that is added, and a wildcard, are served when they are applied and not before',
    async run(w) {
      const {zone, domain, one, other} = await mapped(w);
      await w.openTab('domains');
      await row(w, domain).waitFor();
      await add(w, `Added.${zone}`, other);
      await add(w, `*.${zone}`, other);
      await row(w, `added.${zone}`).getByText(w.t.domains.change.added).waitFor();
      await row(w, `*.${zone}`).getByText(w.t.domains.wildcard).waitFor();
      await draft(w).getByText(w.t.domains.counts(2, 0, 0, false)).waitFor();
      await preview(w);
      await draft(w).getByText(w.t.domains.previewCounts(2, 0, 0, 1)).waitFor();
      assert.equal(await w.served(`added.${zone}`), one.sha256, 'a draft is served');
      await apply(w);
      assert.deepEqual([await w.served(`added.${zone}`), await w.served(`x.${zone}`), await w.served(domain)],
        [other.sha256, other.sha256, one.sha256]);
    },
  },
  {
    name: 'domains: one is removed and changed, either is undone before, and then the change is applied',
    async run(w) {
      const {domain, one, other} = await mapped(w);
      await w.openTab('domains');
      await button(w, w.t.common.remove, domain).click();
      await row(w, domain).getByText(w.t.domains.change.removed).waitFor();
      await button(w, w.t.domains.undo, domain).click();
      await draft(w).waitFor({state: 'detached'});
      await button(w, w.t.common.edit, domain).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.editOf(domain)});
      await dialog.getByRole('combobox', {name: w.t.domains.certificate}).fill(other.name); // found by its name
      await w.page.locator('.ant-select-dropdown:visible').getByTitle(new RegExp(other.identifier)).click();
      await dialog.getByRole('button', {name: w.t.domains.toDraft}).click();
      await row(w, domain).getByText(w.t.domains.change.changed).waitFor();
      await row(w, domain).getByText(one.identifier).waitFor();
      await apply(w);
      assert.equal(await w.served(domain), other.sha256);
      await button(w, w.t.common.remove, domain).click();
      await apply(w);
      assert.deepEqual(await stored(w, domain), []);
      await w.page.getByText(w.t.domains.none).waitFor();
    },
  },
  {
    name: 'domains: several get another certificate at once, others are removed',
    async run(w) {
      const {zone, one, other} = await mapped(w);
      const names = ['a', 'b', 'c', 'd'].map((n) => `${n}.${zone}`);
      await configure(w, one, names.map((n) => [n, one]));
      await w.openTab('domains');
      const select = (domain) => w.page.getByRole('checkbox', {name: w.t.domains.select(domain)}).check();
      await select(names[0]);
      await select(names[1]);
      await w.page.getByRole('button', {name: w.t.domains.setCertificate}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.editMany(2)});
      await fillIn(w, dialog, {certificate: other.identifier});
      await dialog.waitFor({state: 'hidden'});
      await w.page.getByRole('button', {name: w.t.domains.selectNone}).click();
      await select(names[2]);
      await w.page.getByRole('button', {name: w.t.domains.removeSelected}).click();
      await draft(w).getByText(w.t.domains.counts(0, 2, 1, false)).waitFor();
      await apply(w);
      assert.deepEqual(await Promise.all(names.map((n) => stored(w, n))), [[other.identifier], [other.identifier], [], [one.identifier]]);
    },
  },
  {
    name: 'domains: the preview tells each problem and warning beside its row, and what is wrong is not applied',
    async run(w) {
      const {zone, domain, one} = await mapped(w);
      const short = await w.upload(`short.${zone}`, {days: 3});
      await w.openTab('domains');
      await intoDraft(w, await paste(w, `nobody.${zone}#99999999\nstrange.${zone}#${one.identifier}\nshort.${zone}#${short.identifier}`));
      await preview(w);
      await row(w, `nobody.${zone}`).getByText('does not exist').waitFor();
      await row(w, `strange.${zone}`).getByText('no name of the certificate covers the domain').waitFor();
      await row(w, `short.${zone}`).getByText(/the certificate expires in \d day/).waitFor();
      await draft(w).getByText(REQUEST_ID).waitFor();
      assert.ok(await applyButton(w).isDisabled());
      await w.page.getByText(w.t.domains.filters.problems(1)).click();
      await row(w, domain).waitFor({state: 'detached'});
      await button(w, w.t.domains.undo, `nobody.${zone}`).click();
      await apply(w);
      assert.equal(await w.served(`strange.${zone}`), one.sha256);
    },
  },
  {
    name: 'domains: what is pasted wrongly is told entry by entry, and nothing is taken',
    async run(w) {
      const {zone, domain, one} = await mapped(w);
      await w.openTab('domains');
      const dialog = await paste(w, `a.${zone}#${one.identifier};b.${zone};10.1.2.3#1-cn-hangzhou;A.${zone}.#${one.identifier};*.com#1;c.${zone}#x;d.${zone}#7#secret;tail of it`);
      for (const [n, text] of [[2, w.t.domains.why.noCertificate], [3, w.t.domains.why.address], [4, w.t.domains.sameDomain(1)], [5, w.t.domains.why.wildcard],
        [6, w.t.domains.why.notACertificate], [8, w.t.domains.why.noCertificate]]) {
        await dialog.getByRole('row', {name: new RegExp(`^${n} `)}).getByText(text).waitFor();
      }
      assert.ok(!(await dialog.innerText()).includes('tail of it'), 'what may be the end of a password is shown');
      assert.ok(await dialog.getByRole('button', {name: w.t.domains.toDraft}).isDisabled());
      await dialog.getByRole('button', {name: w.t.domains.back}).click();
      await dialog.getByLabel(w.t.domains.text).fill(`Bücher.${zone}#${one.identifier}`);
      await dialog.getByRole('button', {name: w.t.domains.read}).click();
      await intoDraft(w, dialog);
      const written = row(w, `xn--bcher-kva.${zone}`);
      await written.getByText(w.t.domains.change.added).waitFor();
      await written.getByText(`bücher.${zone}`, {exact: true}).waitFor();
      await row(w, domain).waitFor();
      await w.page.getByRole('searchbox', {name: w.t.domains.search}).fill('BÜCHER');
      await row(w, domain).waitFor({state: 'detached'});
      await written.waitFor();
    },
  },
  {
    name: 'domains: a pasted SniConfig replaces what is there',
    async run(w) {
      const {zone, domain, other} = await mapped(w);
      await w.openTab('domains');
      await intoDraft(w, await paste(w, `new.${zone}#${other.identifier};`, 'replace'));
      await row(w, domain).getByText(w.t.domains.change.removed).waitFor();
      await draft(w).getByText(w.t.domains.counts(1, 0, 1, false)).waitFor();
      await apply(w);
      assert.deepEqual([await stored(w, domain), await stored(w, `new.${zone}`)], [[], [other.identifier]]);
      assert.equal(await w.served(`new.${zone}`), other.sha256);
    },
  },
  {
    name: 'domains: another default certificate is served to who sends no name',
    async run(w) {
      const {other} = await mapped(w);
      await w.openTab('domains');
      await w.page.getByRole('button', {name: w.t.domains.changeDefault}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.defaultCertificate});
      await fillIn(w, dialog, {certificate: other.identifier});
      await draft(w).getByText(w.t.domains.counts(0, 0, 0, true)).waitFor();
      await apply(w);
      assert.equal(await w.served('nobody-has-this-name.example.net'), other.sha256);
    },
  },
  {
    name: 'domains: a row with an encrypted private key keeps its password when another row is added',
    async run(w) {
      const {zone, one, other} = await mapped(w);
      const password = 'open#sesame';
      const locked = {...await w.upload(`locked.${zone}`, {password}), password};
      await configure(w, one, [[`locked.${zone}`, locked]]);
      await w.openTab('domains');
      await add(w, `added.${zone}`, other);
      await draft(w).getByRole('button', {name: w.t.domains.preview}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.passwordsTitle});
      await dialog.getByLabel(new RegExp(locked.identifier)).fill('wrong');
      await dialog.getByRole('button', {name: w.t.domains.preview}).click();
      await row(w, `locked.${zone}`).getByText('the password does not open its private key').waitFor();
      assert.ok(await applyButton(w).isDisabled());
      await button(w, w.t.common.edit, `locked.${zone}`).click();
      await fillIn(w, w.page.getByRole('dialog', {name: w.t.domains.editOf(`locked.${zone}`)}), {certificate: locked.identifier, password});
      await apply(w);
      assert.deepEqual([await w.served(`locked.${zone}`), await w.served(`added.${zone}`)], [locked.sha256, other.sha256]);
      assert.ok(!(await w.page.content()).includes(password), 'the password is in the page');
    },
  },
  {
    name: 'domains: somebody else\'s change in between is told, and nothing of it is lost',
    async run(w) {
      const {zone, domain, one, other} = await mapped(w);
      await w.openTab('domains');
      await add(w, `mine.${zone}`, other);
      await preview(w);
      await configure(w, one, [[domain, one], [`theirs.${zone}`, other]]);
      await applyButton(w).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.movedTitle});
      await dialog.getByRole('row', {name: new RegExp(`theirs\\.${zone}`)}).getByText(w.t.domains.notThere).waitFor();
      assert.deepEqual(await stored(w, `mine.${zone}`), []);
      await dialog.getByRole('button', {name: w.t.domains.movedSeen}).click();
      await row(w, `theirs.${zone}`).waitFor();
      await row(w, `mine.${zone}`).getByText(w.t.domains.change.added).waitFor();
      await apply(w);
      assert.deepEqual([await w.served(`mine.${zone}`), await w.served(`theirs.${zone}`)], [other.sha256, other.sha256]);
    },
  },
  {
    name: 'domains: a draft is still there after another page was looked at',
    async run(w) {
      const {zone, other} = await mapped(w);
      await w.openTab('domains');
      await add(w, `kept.${zone}`, other);
      await w.page.getByRole('link', {name: w.t.shell.tabs.overview, exact: true}).click();
      await w.page.getByRole('heading', {level: 2, name: w.t.overview.brokers}).waitFor();
      await w.page.getByRole('link', {name: w.t.shell.tabs.domains, exact: true}).click();
      await row(w, `kept.${zone}`).getByText(w.t.domains.change.added).waitFor();
      await draft(w).getByRole('button', {name: w.t.domains.undoAll}).click();
      await row(w, `kept.${zone}`).waitFor({state: 'detached'});
    },
  },
  {
    name: 'domains: a key that may only read sees the table and is offered no change',
    async run(w) {
      const {domain} = await mapped(w);
      const page = await w.newPage({key: await w.key(['read@*'])});
      await w.openTab('domains', page);
      await page.getByRole('row', {name: new RegExp(domain)}).getByRole('button', {name: w.t.verify.verifyOf(domain)}).waitFor();
      for (const name of [w.t.domains.add, w.t.domains.import, w.t.domains.changeDefault, `${w.t.common.edit} ${domain}`, `${w.t.common.remove} ${domain}`]) {
        assert.equal(await page.getByRole('button', {name}).count(), 0, name);
      }
      assert.equal(await page.getByRole('checkbox').count(), 0);
    },
  },
  {
    name: `domains: ${MANY} are imported from a file, searched, and applied`,
    languages: ['en'],
    async run(w) {
      const {zone, one, other} = await mapped(w);
      const lines = Array.from({length: MANY}, (_, n) => `d${String(n).padStart(5, '0')}.${zone}#${other.identifier}`);
      await w.openTab('domains');
      await w.page.getByRole('button', {name: w.t.domains.import}).click();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.import});
      await dialog.locator('input[type=file]').last().setInputFiles({name: 'sni.txt', mimeType: 'text/plain', buffer: Buffer.from(lines.join('\n'))});
      await dialog.getByRole('button', {name: w.t.domains.read}).click();
      await dialog.getByText(w.t.domains.entries(MANY)).waitFor();
      await intoDraft(w, dialog);
      await draft(w).getByText(w.t.domains.counts(MANY, 0, 0, false)).waitFor();
      await w.page.getByRole('searchbox', {name: w.t.domains.search}).fill('d09876');
      await w.page.getByText(w.t.domains.shown(1, MANY + 1)).waitFor();
      await row(w, `d09876.${zone}`).waitFor();
      await apply(w);
      assert.deepEqual([await w.served(`d00000.${zone}`), await w.served(`d09999.${zone}`)], [other.sha256, other.sha256]);
      assert.equal((await w.call('DescribeInstance', {MqttInstanceId: w.instance})).DomainCount, MANY + 1);
      await w.page.getByText(w.t.domains.shown(1, MANY + 1)).waitFor();
      await configure(w, one, []);
    },
  },
  {
    name: 'domains: what is added while the draft is being applied is kept',
    async run(w) {
      const {zone, other} = await mapped(w);
      await w.openTab('domains');
      await add(w, `before.${zone}`, other);
      await preview(w);
      let go;
      const held = new Promise((resolve) => {
        go = resolve;
      });
      await w.page.route('**/SetSniConfig', async (route) => {
        if (!route.request().postData().includes('DryRun')) {
          await held;
        }
        await route.continue();
      });
      await applyButton(w).click();
      await draft(w).getByText(w.t.domains.busy.applying(2)).waitFor();
      await add(w, `meanwhile.${zone}`, other);
      go();
      const dialog = w.page.getByRole('dialog', {name: w.t.domains.rollout});
      await dialog.getByText(w.t.common.rollout.applied).waitFor();
      await dialog.getByRole('button', {name: w.t.common.close, exact: true}).last().click();
      await row(w, `meanwhile.${zone}`).getByText(w.t.domains.change.added).waitFor();
      await draft(w).getByText(w.t.domains.counts(1, 0, 0, false)).waitFor();
      await apply(w);
      assert.deepEqual(await stored(w, `meanwhile.${zone}`), [other.identifier]);
    },
  },
  {
    name: 'domains: a draft is there again for the same key after its session has ended, without passwords, and not for another',
    async run(w) {
      const {zone, domain, other} = await mapped(w);
      const password = `open ${w.unique()}`;
      const locked = await w.upload(`locked.${zone}`, {password});
      const [who, somebody] = [await w.key(['admin@*']), await w.key(['admin@*'])];
      w.page = await w.newPage({key: who});
      const end = async () => {
        await w.sql(`UPDATE console_session SET used_at = now() - interval '31 minutes', created_at = now() - interval '2 hours'
          WHERE access_key_id IN ('${who.key_id}', '${somebody.key_id}')`);
        w.expectStatus(401, 'POST');
        await w.page.getByRole('link', {name: w.t.shell.tabs.overview, exact: true}).click();
        await w.page.getByText(w.t.signIn.expired).waitFor();
      };
      const signIn = async ({key_id, secret}) => {
        await w.page.getByLabel('AccessKeyId', {exact: true}).fill(key_id);
        await w.page.getByLabel('AccessKeySecret', {exact: true}).fill(secret);
        await w.page.getByRole('button', {name: w.t.signIn.enter}).click();
        await w.page.getByRole('link', {name: w.t.shell.tabs.domains, exact: true}).click();
        await row(w, domain).waitFor();
      };
      await w.openTab('domains');
      await add(w, `kept.${zone}`, other);
      await fillIn(w, await openForm(w), {domain: `locked.${zone}`, certificate: locked.identifier, password});
      await row(w, `locked.${zone}`).waitFor();
      await end();
      await signIn(who);
      await row(w, `kept.${zone}`).getByText(w.t.domains.change.added).waitFor();
      await preview(w);
      await row(w, `locked.${zone}`).getByText(/password/).waitFor(); // it has to be given again
      await end();
      await signIn(somebody);
      assert.equal(await row(w, `kept.${zone}`).count(), 0);
      await end();
      await signIn(who);
      assert.equal(await row(w, `kept.${zone}`).count(), 0, 'kept over somebody else\'s session');
    },
  },
  {
    name: 'domains: a certificate that was found for another word is never taken',
    async run(w) {
      const {other} = await mapped(w);
      await w.openTab('domains');
      const dialog = await openForm(w);
      const box = dialog.getByRole('combobox', {name: w.t.domains.certificate});
      await box.click();
      await w.page.locator('.ant-select-dropdown:visible .ant-select-item-option').first().waitFor();
      let go;
      const held = new Promise((resolve) => {
        go = resolve;
      });
      await w.page.route('**/ListCertificates', async (route) => {
        await held;
        await route.continue();
      });
      await box.fill(other.name.slice(0, -1));
      await w.page.keyboard.press('Enter');
      assert.equal(await box.inputValue(), other.name.slice(0, -1), 'something else was taken');
      go();
      await w.page.keyboard.type(other.name.at(-1));
      await w.page.locator('.ant-select-dropdown:visible').getByTitle(new RegExp(other.identifier)).waitFor();
      await w.page.keyboard.press('Enter');
      assert.equal(await box.inputValue(), other.identifier);
    },
  },
  {
    name: 'domains: signing out says that the draft is thrown away, and asks nothing when there is none',
    async run(w) {
      const {zone, other} = await mapped(w);
      const who = await w.key(['admin@*']);
      w.page = await w.newPage({key: who});
      const signOut = async () => {
        await w.page.getByRole('button', {name: w.t.shell.account(who.key_id)}).click();
        await w.page.getByRole('menuitem', {name: w.t.shell.signOut}).click();
      };
      const ask = w.page.getByRole('dialog', {name: w.t.shell.signOutTitle});
      await w.openTab('domains');
      await add(w, `kept.${zone}`, other);
      await signOut();
      await ask.getByRole('button', {name: w.texts[w.language].common.cancel}).click();
      await ask.waitFor({state: 'detached'});
      await button(w, w.t.domains.undo, `kept.${zone}`).click();
      await draft(w).waitFor({state: 'detached'});
      await signOut();
      await w.page.getByRole('heading', {level: 1, name: w.t.signIn.title}).waitFor();
    },
  },
];
