// SPDX-License-Identifier: Apache-2.0
// Signing in, failing to, being throttled, by keyboard alone.
import assert from 'node:assert/strict';

const WRONG = 'quite-the-wrong-secret-9f3c';
const FAILURES_MAX = 10; // from one address

const secretField = (page) => page.getByLabel('AccessKeySecret');

async function fill(page, id, secret) {
  await page.getByLabel('AccessKeyId').fill(id);
  await secretField(page).fill(secret);
}

async function submit(w, page) {
  await page.getByRole('button', {name: w.t.signIn.enter}).click();
}

// Everything that a script of the page can get at, and its address.
async function reachable(page) {
  return page.evaluate(() => JSON.stringify([location.href, document.cookie, {...localStorage}, {...sessionStorage},
    document.documentElement.outerHTML]));
}

export const stories = [
  {
    name: 'sign-in: a wrong secret is told at its field, and nothing of it stays anywhere',
    async run(w) {
      const page = await w.newPage({key: null});
      await w.open('instances', page);
      w.expectStatus(403, 'POST');
      await fill(page, w.admin.key_id, WRONG);
      await submit(w, page);
      const item = page.locator('.ant-form-item', {has: secretField(page)});
      await item.getByText('InvalidAccessKeySecret').waitFor();
      await w.eventually(() => secretField(page).evaluate((e) => e === document.activeElement), 'the focus at the secret');
      assert.equal(await secretField(page).getAttribute('aria-invalid'), 'true');
      assert.ok(!(await page.locator('body').innerText()).includes(WRONG));
      await secretField(page).fill('');
      assert.ok(!(await reachable(page)).includes(WRONG));
      assert.deepEqual(await page.context().cookies(), []);
      assert.equal(await w.ask('logged', {text: WRONG}), 0);
    },
  },
  {
    name: 'sign-in: an access key that nobody has gets the same answer',
    async run(w) {
      const page = await w.newPage({key: null});
      await w.open('', page);
      w.expectStatus(403, 'POST');
      await fill(page, 'LTAInobodyhasthisone', WRONG);
      await submit(w, page);
      await page.locator('.ant-form-item', {has: secretField(page)}).getByText('InvalidAccessKeySecret').waitFor();
    },
  },
  {
    name: 'sign-in: empty fields are told before anything is sent',
    async run(w) {
      const page = await w.newPage({key: null});
      await w.open('', page);
      const posted = [];
      page.on('request', (r) => r.method() === 'POST' && posted.push(r.url()));
      await submit(w, page);
      await page.getByText(w.t.signIn.idNeeded).waitFor();
      await page.getByText(w.t.signIn.secretNeeded).waitFor();
      assert.deepEqual(posted, []);
    },
  },
  {
    name: 'sign-in: after too many failures even the right secret has to wait',
    async run(w) {
      const origin = await w.ask('api', {settings: {}}); // its own count of failures
      const page = await w.newPage({key: null, origin});
      await w.open('', page);
      w.expectStatus(429, 'POST');
      for (let n = 0; n < FAILURES_MAX; n++) {
        const reply = await page.request.post(`${origin}/console/session`, {
          data: {AccessKeyId: w.admin.key_id, AccessKeySecret: `${WRONG}${n}`}});
        assert.equal(reply.status(), 403);
      }
      await fill(page, w.admin.key_id, w.admin.secret);
      const [told] = await Promise.all([page.waitForResponse((r) => r.status() === 429), submit(w, page)]);
      assert.ok(Number(told.headers()['retry-after']) > 0);
      await page.getByRole('alert').getByText('TooManySignInFailures').waitFor();
      assert.equal(await page.getByRole('heading', {level: 1}).innerText(), w.t.signIn.title);
    },
  },
  {
    name: 'sign-in: with the right secret, to the page that was asked for; the cookie is out of reach',
    async run(w) {
      const page = await w.newPage({key: null});
      await w.open('audit', page);
      await fill(page, ` ${w.admin.key_id}`, w.admin.secret);
      await submit(w, page);
      await page.getByRole('heading', {level: 1, name: w.t.audit.title}).waitFor();
      assert.match(page.url(), /\/console\/audit$/);
      const [cookie] = await page.context().cookies();
      assert.deepEqual([cookie.name, cookie.path, cookie.httpOnly, cookie.sameSite], ['signet_session', '/console/', true, 'Strict']);
      const seen = await reachable(page);
      assert.ok(!seen.includes(w.admin.secret) && !seen.includes(cookie.value));
      const [[digest]] = await w.sql(`SELECT encode(token_sha256, 'hex') FROM console_session
        WHERE access_key_id = '${w.admin.key_id}' ORDER BY created_at DESC LIMIT 1`);
      const own = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(cookie.value));
      assert.equal(digest, Buffer.from(own).toString('hex'));
      assert.equal(await w.ask('logged', {text: cookie.value}), 0);
    },
  },
  {
    name: 'sign-in: by keyboard alone, and on through the menu',
    async run(w) {
      const page = await w.newPage({key: null});
      await w.open('', page);
      await w.eventually(() => page.getByLabel('AccessKeyId').evaluate((e) => e === document.activeElement), 'the focus');
      await page.keyboard.type(w.admin.key_id);
      await page.keyboard.press('Tab');
      await page.keyboard.type(w.admin.secret);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', {level: 1, name: w.t.instances.title}).waitFor();
      for (const [text, path, back] of [['expiring', 'expiring'], ['explorer', 'explorer'], ['instances', 'instances', true]]) {
        await tabTo(page, page.getByRole('link', {name: w.t.shell.menu[text], exact: true}), back ? 'Shift+Tab' : 'Tab');
        await page.keyboard.press('Enter');
        await page.waitForURL(new RegExp(`/console/${path}$`));
      }
    },
  },
];

const TABS_MAX = 80;

// Presses it until the focus is there, and is to be seen.
async function tabTo(page, locator, press) {
  for (let n = 0; n < TABS_MAX; n++) {
    await page.keyboard.press(press);
    if (await locator.evaluate((e) => e === document.activeElement)) {
      const outline = await locator.evaluate((e) => `${getComputedStyle(e).outlineStyle} ${getComputedStyle(e).boxShadow}`);
      assert.notEqual(outline, 'none none', 'the focus cannot be seen');
      return;
    }
  }
  assert.fail(`${locator} is not reached with ${press}`);
}
