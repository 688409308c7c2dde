// SPDX-License-Identifier: Apache-2.0
// world: what a story is told in. One World for each; its pages are closed when it ends.
import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';

import {ask, sql} from '../harness/control.mjs';
import {LOCALES, Watch} from './browser.mjs';

const WAIT_MS = 20_000;

export class World {
  // `place`: what server.py's start() has told; `texts`: of both languages.
  constructor(browser, place, texts, language) {
    Object.assign(this, {browser, place, language, texts, ask, sql});
    this.t = texts[language];
    this.instance = place.instance;
    this.origin = place.origin;
    this.admin = {key_id: place.key_id, secret: place.secret};
    this.watch = new Watch(place.origin);
    this.contexts = [];
    this.last = [];
    this.keepSessions = undefined; // a Map: a key signs in once, and all its pages are of one session
  }

  // ---- pages ----
  // For another user (`key`; null: nobody is signed in), in another language or size, or at another API process (`origin`).
  async newPage({key = this.admin, language = this.language, width = 1440, height = 900, dark = false, origin = this.origin} = {}) {
    const context = await this.browser.newContext({
      viewport: {width, height}, locale: LOCALES[language], colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce',
      timezoneId: 'UTC', permissions: ['clipboard-read', 'clipboard-write']});
    this.contexts.push(context);
    this.watch.origins.push(origin);
    await this.watch.over(context, key !== null);
    if (key !== null) {
      await this.signIn(context, key, origin);
    }
    return Object.assign(await context.newPage(), {origin});
  }

  // Not through the page: that is told in stories/sign-in.mjs.
  async signIn(context, key, origin = this.origin) {
    const kept = this.keepSessions?.get(key.key_id);
    if (kept !== undefined) {
      await context.addCookies(kept);
      return;
    }
    const reply = await context.request.post(`${origin}/console/session`, {
      headers: {'content-type': 'application/json'},
      data: JSON.stringify({AccessKeyId: key.key_id, AccessKeySecret: key.secret})});
    assert.equal(reply.status(), 200, await reply.text());
    this.keepSessions?.set(key.key_id, await context.cookies());
  }

  // /console/<path>, until its heading is there.
  async open(path = '', page = this.page) {
    await page.goto(`${page.origin}/console/${path.replace(/^\//, '')}`);
    await page.getByRole('heading', {level: 1}).waitFor();
  }

  // A tab of the instance: openTab('domains').
  async openTab(tab, page = this.page) {
    await this.open(`instances/${this.instance}/${tab}`, page);
  }

  async begin() {
    this.page = await this.newPage();
  }

  async end() {
    const wrong = [];
    for (const work of this.last.reverse()) {
      await work().catch((e) => wrong.push(e));
    }
    await Promise.all(this.contexts.map((c) => c.close()));
    if (wrong.length > 0) {
      throw wrong[0];
    }
  }

  // Done when the story is over, whatever happens: what it has changed for others is put back.
  later(work) {
    this.last.push(work);
  }

  // ---- what a story announces ----
  expectStatus(status, part) { // part: some text of `METHOD URL`
    this.watch.announce(status, part);
  }

  expectViolation(part) {
    this.watch.announce('violation', part);
  }

  expectFailure(part) { // a request that gets no answer at all
    this.watch.announce('failed', part);
  }

  // ---- waiting for facts ----
  // What `fact` returns once it is neither false nor undefined nor an error.
  async eventually(fact, what = 'a fact') {
    const end = performance.now() + WAIT_MS;
    let error;
    do {
      try {
        const value = await fact();
        if (value !== false && value !== undefined && value !== null) {
          return value;
        }
        error = undefined;
      } catch (e) {
        error = e;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (performance.now() < end);
    throw new Error(`waited in vain for ${what}`, {cause: error});
  }

  // The page says that a change is saved; then every broker serves it. A machine that stalls may say so a little later.
  async saved() {
    const {applied, pending} = this.t.common.rollout;
    await this.page.getByText(applied).or(this.page.getByText(pending)).first().waitFor();
    await this.eventually(async () => (await this.call('GetRolloutStatus', {MqttInstanceId: this.instance})).State === 'applied',
      'the brokers to serve it');
  }

  // ---- the other end ----
  // The API directly, signed, as administrator or with another key. An error is thrown, with its code and status.
  async call(op, params = {}, key = this.admin) {
    const {status, answer, rollout} = await ask('call', {op, params, key});
    if (status !== 200) {
      throw Object.assign(new Error(`${op}: ${status} ${answer?.Code}: ${answer?.Message}`), {status, code: answer?.Code, answer});
    }
    return Object.assign(answer, {rollout});
  }

  // SHA-256 of the leaf that the broker serves for this SNI; null: for none.
  async served(domain) {
    return ask('served', {sni: domain});
  }

  unique() {
    return `w${randomBytes(4).toString('hex')}`;
  }

  // A new access key: key(['read@*']), key(['write@mqtt-…', 'yundun-cert:ListCertificates@*']).
  async key(grants) {
    return ask('key', {grants});
  }

  // ---- certificates ----
  // → {crt, chain, key, sha256, sn}
  async issue(name, how = {}) {
    return ask('issue', {name, ...how});
  }

  // Uploaded too: → {…, identifier: '<CertId>-cn-hangzhou', name}
  async upload(domain, how = {}) {
    const made = await this.issue(domain, how);
    const name = `${domain.replace(/[^a-z0-9]/g, '-')}-${this.unique()}`;
    const {CertId} = await this.call('UploadUserCertificate', {Name: name, Cert: made.chain, Key: made.key});
    return {...made, name, identifier: `${CertId}-cn-hangzhou`};
  }

  // A CA that is not registered: → {authority, crt, sn}
  async authority(name) {
    return ask('authority', {name});
  }

  // The certificate that shows who has the CA's key: PEM.
  async verification(authority, code) {
    return ask('verification', {authority: authority.authority ?? authority, code});
  }

  // → {authority, crt, caSn}, registered and active.
  async registerCa(name = `ca-${this.unique()}`, MqttInstanceId = this.instance) {
    const made = await this.authority(name);
    const {RegisterCode} = await this.call('GetRegisterCode', {MqttInstanceId});
    const {Sn} = await this.call('RegisterCaCertificate', {MqttInstanceId, CaName: name, CaContent: made.crt,
      VerificationContent: await this.verification(made, RegisterCode)});
    return {...made, caSn: Sn};
  }

  // A device's certificate from registerCa()'s CA, which no broker has seen yet: → {crt, key, sn, name}
  async device(ca, name = `device-${this.unique()}`) {
    return {...await this.issue(name, {authority: ca.authority, usage: 'clientAuth'}), name};
  }

  // The same, registered without a connection.
  async registeredDevice(ca, name = `device-${this.unique()}`) {
    return {...await ask('device', {instance: this.instance, ca_sn: ca.caSn, authority: ca.authority, name}), name};
  }

  // A real connection with device()'s certificate: → {code: CONNACK's, connection} or {error}. It stays until the story ends.
  async connectDevice(device, {sni} = {}) {
    const outcome = await ask('connect_device', {crt: device.crt, key: device.key, name: device.name, sni});
    if (outcome.connection !== undefined) {
      this.later(() => ask('disconnect', {connection: outcome.connection}));
    }
    return outcome;
  }

  // Mutual authentication (back to one-way when the story ends); needs a default certificate, which is made.
  async mutual() {
    const MqttInstanceId = this.instance;
    if ((await this.call('DescribeInstance', {MqttInstanceId})).DefaultCertificate === '') {
      const domain = `${this.unique()}.example.com`;
      const {identifier} = await this.upload(domain);
      await this.call('SetSniConfig', {MqttInstanceId, DefaultCertificate: identifier, SniConfig: `${domain}#${identifier}`});
    }
    await this.call('SetAuthenticationMode', {MqttInstanceId, Mode: 'mutual'});
    this.later(() => this.call('SetAuthenticationMode', {MqttInstanceId, Mode: 'one-way'}));
  }
}
