// SPDX-License-Identifier: Apache-2.0
// What a session is good for and when it ends; what the browser keeps; what the page may not do.
import assert from 'node:assert/strict';

const key = (w) => w.key(['admin@*']); // a session of its own, so that nobody else's ends

async function sessionsOf(w, {key_id}) {
  return Number((await w.sql(`SELECT count(*) FROM console_session WHERE access_key_id = '${key_id}'`))[0][0]);
}

async function signInAgain(w, page, {key_id, secret}) {
  await page.getByLabel('AccessKeyId').fill(key_id);
  await page.getByLabel('AccessKeySecret').fill(secret);
  await page.getByRole('button', {name: w.t.signIn.enter}).click();
}

export const stories = [
  {
    name: 'session: a reload keeps it',
    async run(w) {
      await w.open('instances');
      await w.page.reload();
      await w.page.getByRole('heading', {level: 1, name: w.t.instances.title}).waitFor();
    },
  },
  {
    name: 'session: signing out ends it, here and for who has kept the cookie',
    async run(w) {
      const who = await key(w);
      const page = await w.newPage({key: who});
      await w.open('instances', page);
      const [cookie] = await page.context().cookies();
      await page.getByRole('button', {name: w.t.shell.account(who.key_id)}).click();
      await page.getByRole('menuitem', {name: w.t.shell.signOut}).click();
      await page.getByRole('heading', {level: 1, name: w.t.signIn.title}).waitFor();
      assert.equal(await page.getByText(w.t.signIn.expired).count(), 0);
      assert.equal(await sessionsOf(w, who), 0);
      assert.deepEqual(await page.context().cookies(), []);
      await page.context().addCookies([cookie]);
      w.expectStatus(401, 'GET');
      await page.reload();
      await page.getByRole('heading', {level: 1, name: w.t.signIn.title}).waitFor();
    },
  },
  {
    name: 'session: when it has been idle too long in the middle of work, signing in again leads back to the same page',
    async run(w) {
      const who = await key(w);
      const page = await w.newPage({key: who});
      await w.open('instances', page);
      await page.getByRole('link', {name: w.t.shell.menu.expiring, exact: true}).waitFor();
      await w.sql(`UPDATE console_session SET used_at = now() - interval '31 minutes', created_at = now() - interval '2 hours'
        WHERE access_key_id = '${who.key_id}'`);
      w.expectStatus(401, 'POST');
      await page.getByRole('link', {name: w.t.shell.menu.expiring, exact: true}).click();
      await page.getByText(w.t.signIn.expired).waitFor();
      await signInAgain(w, page, who);
      await page.getByRole('heading', {level: 1, name: w.t.expiring.title}).waitFor();
      assert.match(page.url(), /\/console\/expiring/);
    },
  },
  {
    name: 'session: it ends at once when its access key is disabled',
    async run(w) {
      const who = await key(w);
      const page = await w.newPage({key: who});
      await w.open('instances', page);
      await w.call('UpdateAccessKey', {UserAccessKeyId: who.key_id, Status: 'Inactive'});
      w.expectStatus(401, 'POST');
      await page.getByRole('link', {name: w.t.shell.menu.audit, exact: true}).click();
      await page.getByText(w.t.signIn.expired).waitFor();
    },
  },
  {
    name: 'session: a call without the CSRF token, or with another, is refused',
    async run(w) {
      await w.open('instances');
      w.expectStatus(403, 'POST');
      const codes = await w.page.evaluate(async () => Promise.all([{}, {'x-signet-csrf': 'f'.repeat(64)}].map(async (headers) => {
        const reply = await fetch('/console/api/2020-04-20/ListInstances', {method: 'POST', headers});
        return (await reply.json()).Code;
      })));
      assert.deepEqual(codes, ['ConsoleCsrfTokenInvalid', 'ConsoleCsrfTokenInvalid']);
    },
  },
  {
    name: 'session: language and theme are switched, and stay',
    async run(w) {
      const [other, name] = w.language === 'en' ? ['zh', '中文'] : ['en', 'English'];
      const scheme = () => w.page.evaluate(() => document.documentElement.style.colorScheme);
      const light = () => w.page.locator('.ant-layout').first().evaluate(
        (e) => getComputedStyle(e).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, n) => sum + Number(n), 0) > 384);
      await w.open('instances');
      assert.deepEqual([await scheme(), await light()], ['light', true]);
      await w.page.getByRole('button', {name: w.t.shell.theme}).click();
      await w.page.getByRole('menuitem', {name: w.t.shell.themes.dark}).click();
      await w.eventually(async () => await scheme() === 'dark' && !await light(), 'the dark theme');
      await w.page.getByRole('button', {name: w.t.shell.language}).click();
      await w.page.getByRole('menuitem', {name}).click();
      await w.page.getByRole('heading', {level: 1, name: w.texts[other].instances.title}).waitFor();
      await w.page.reload();
      await w.page.getByRole('heading', {level: 1, name: w.texts[other].instances.title}).waitFor();
      assert.equal(await w.page.evaluate(() => document.documentElement.lang), other === 'zh' ? 'zh-CN' : 'en');
      assert.deepEqual([await scheme(), await light()], ['dark', false]);
    },
  },
  {
    name: 'session: the policy blocks scripts in the page, and other hosts',
    languages: ['en'],
    async run(w) {
      await w.open('instances');
      w.expectViolation('script-src-elem inline');
      w.expectViolation('script-src-attr inline');
      w.expectViolation('style-src-elem inline');
      w.expectViolation('connect-src https://signet.example');
      w.expectViolation('img-src https://signet.example');
      const ran = await w.page.evaluate(async () => {
        const script = document.createElement('script');
        script.textContent = 'window.ran = "script"';
        document.body.append(script);
        const div = document.createElement('div');
        div.innerHTML = '<img src="data:," onerror="window.ran = `attribute`"><img src="https://signet.example/x.png">'
          + '<style>body { display: none }</style>';
        document.body.append(div);
        await new Promise((resolve) => setTimeout(resolve, 200)); // onerror would have come
        const fetched = await fetch('https://signet.example/').then(() => 'fetched', () => undefined);
        return window.ran ?? fetched;
      });
      assert.equal(ran, undefined);
      assert.notEqual(await w.page.evaluate(() => getComputedStyle(document.body).display), 'none');
      w.watch.announce('failed', 'signet.example');
      w.watch.announce('host', 'signet.example');
    },
  },
  {
    name: 'session: each answer has a nonce of its own, and no other site may show the page in a frame',
    languages: ['en'],
    async run(w) {
      const policy = async () => (await w.page.request.get(`${w.origin}/console/`)).headers()['content-security-policy'];
      const [one, other] = [await policy(), await policy()];
      assert.match(one, /'nonce-[\w-]{16,}'/);
      assert.notEqual(one, other);
      assert.match(one, /frame-ancestors 'none'/);
    },
  },
  {
    name: 'session: after another sign-in in the same browser, a page of the session before asks for it',
    async run(w) {
      const page = await w.newPage({key: await key(w)});
      await w.open('instances', page);
      const who = await key(w);
      const other = await page.context().newPage();
      other.origin = page.origin;
      await page.context().clearCookies();
      await w.signIn(page.context(), who);
      w.expectStatus(403, 'POST');
      await page.getByRole('link', {name: w.t.shell.menu.expiring, exact: true}).click();
      await page.getByText(w.t.signIn.expired).waitFor();
    },
  },
];
