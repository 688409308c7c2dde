// SPDX-License-Identifier: Apache-2.0
// browser: Chromium, and who watches over its pages. A page may not complain, may not be refused what nobody announced,
// and may not ask another host for anything.
import {chromium} from './modules.mjs';

const CHROMIUM = process.env.SIGNET_TEST_CHROMIUM ?? '/usr/bin/chromium';
const OPTIONS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--font-render-hinting=none',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']; // who asks for another host gets nothing, and is seen
const STEP_MS = 20_000;

export const LOCALES = {en: 'en-GB', zh: 'zh-CN'};

export function launch() {
  const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({executablePath: CHROMIUM, args: [...OPTIONS, ...sandbox]});
}

// What was seen in one story, and what it has announced.
export class Watch {
  constructor(origin) {
    this.origins = [origin];
    this.seen = [];
    this.announced = [];
  }

  problem(kind, detail) {
    this.seen.push({kind: String(kind), detail});
  }

  // A status, 'violation', 'failed', 'console' or 'host'; `part`: some text of what is seen.
  announce(kind, part = '') {
    this.announced.push({kind: String(kind), part});
  }

  problems() {
    const matches = (a, s) => a.kind === s.kind && s.detail.includes(a.part);
    const strange = this.seen.filter((s) => !this.announced.some((a) => matches(a, s)));
    const missing = this.announced.filter((a) => !this.seen.some((s) => matches(a, s)));
    return [...strange.map((s) => `${s.kind}: ${s.detail}`),
      ...missing.map((a) => `${a.kind} ${a.part} was announced and never came`)];
  }

  async over(context, signedIn) {
    context.setDefaultTimeout(STEP_MS);
    await context.exposeFunction('signetViolation', (text) => this.problem('violation', text));
    await context.addInitScript(() => addEventListener('securitypolicyviolation',
      (e) => window.signetViolation(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile ?? ''}:${e.lineNumber}`)));
    context.on('request', (request) => this.request(request));
    context.on('requestfailed', (request) => this.failed(request));
    context.on('response', (response) => this.response(response, signedIn));
    context.on('console', (message) => this.message(message));
    context.on('weberror', (e) => this.problem('console', `thrown: ${e.error().stack ?? e.error()}`));
  }

  request(request) {
    const url = request.url();
    if (!this.origins.some((o) => url.startsWith(`${o}/`)) && !/^(data|blob|about):/.test(url)) {
      this.problem('host', `${request.method()} ${url}`);
    }
  }

  failed(request) {
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') { // the page has left, or asks anew
      this.problem('failed', `${request.method()} ${request.url()}: ${why}`);
    }
  }

  response(response, signedIn) {
    const request = response.request();
    const asked = !signedIn && request.method() === 'GET' && response.url().endsWith('/console/session');
    if (response.status() >= 400 && !(asked && response.status() === 401)) { // nobody is signed in yet
      this.problem(response.status(), `${request.method()} ${response.url()}`);
    }
  }

  message(message) {
    const text = message.text();
    const told = /^Failed to load resource: /.test(text) // as a status or a failure
      || /Content Security Policy/.test(text); // as a violation
    if (['error', 'warning'].includes(message.type()) && !told) {
      this.problem('console', `${message.type()}: ${text}`);
    }
  }
}
