// SPDX-License-Identifier: Apache-2.0
// The API explorer: calls from the page, and the code that it shows, run as shown.
import assert from 'node:assert/strict';

const RUNNABLE = ['curl', 'node', 'signetctl'];
const LABELS = {curl: 'curl', node: 'Node.js', python: 'Python', java: 'Java', go: 'Go', signetctl: 'signetctl'};
const ODD = `it's "odd" \\ $HOME \`id\` %s 电表 & <b> #;=?+`;

const field = (w, name) => w.page.locator(`[id="parameter-${name}"]`);

async function codeOf(w, language) {
  await w.page.getByRole('tab', {name: LABELS[language], exact: true}).click();
  return w.page.locator(`pre[data-code="${language}"]`).textContent();
}

async function run(w, language, files = {}) {
  const code = await codeOf(w, language);
  const {status, out, err} = await w.ask('run_code', {language, code, files});
  assert.equal(status, 0, `${language}:\n${code}\nsaid:\n${out}\n${err}`);
  return JSON.parse(out);
}

function without(answer, ...names) {
  return Object.fromEntries(Object.entries(answer).filter(([name]) => !['RequestId', 'rollout', ...names].includes(name)));
}

export const stories = [
  {
    name: 'explorer: an operation is found, called, and its answer shown',
    async run(w) {
      await w.open('explorer');
      await w.page.getByRole('textbox', {name: w.t.common.search}).fill('GetSniCon');
      await w.page.getByRole('menuitem', {name: 'GetSniConfig'}).click();
      assert.ok(await w.page.getByRole('button', {name: w.t.explorer.call, exact: true}).isDisabled(), 'the instance is mandatory');
      await field(w, 'MqttInstanceId').fill(w.instance);
      await field(w, 'PageSize').fill('0');
      await w.page.getByText(w.t.explorer.wrong.number('1 – 1000')).waitFor();
      await field(w, 'PageSize').fill('10');
      await w.page.getByRole('button', {name: w.t.explorer.call, exact: true}).click();
      const shown = JSON.parse(await w.page.locator('pre[data-answer]').textContent());
      assert.deepEqual(without(shown), without(await w.call('GetSniConfig', {MqttInstanceId: w.instance, PageSize: 10})));
    },
  },
  {
    name: 'explorer: what the API refuses is shown with its code and request ID',
    async run(w) {
      w.expectStatus(400, 'GetCaCertificate');
      await w.open(`explorer/GetCaCertificate?MqttInstanceId=${w.instance}&Sn=00abcdef`);
      await w.page.getByRole('button', {name: w.t.explorer.call, exact: true}).click();
      await w.page.getByRole('alert').getByText(/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/).waitFor();
    },
  },
  {
    name: 'explorer: the way there from a page has what the page shows',
    async run(w) {
      await w.openTab('history');
      await w.page.getByRole('link', {name: w.t.common.apiCall('ListConfigRevisions')}).click();
      await w.page.getByRole('heading', {level: 1, name: 'ListConfigRevisions'}).waitFor();
      assert.equal(await field(w, 'MqttInstanceId').inputValue(), w.instance);
    },
  },
  {
    name: 'explorer: code for a read gives what the page gives',
    async run(w) {
      await w.open(`explorer/DescribeInstance?MqttInstanceId=${w.instance}`);
      const wanted = without(await w.call('DescribeInstance', {MqttInstanceId: w.instance}), 'Brokers');
      for (const language of RUNNABLE) {
        assert.deepEqual(without(await run(w, language), 'Brokers'), wanted, language);
      }
    },
  },
  {
    name: 'explorer: code carries quotes, backslashes, dollars and Chinese as they are, and the parts of lists',
    async run(w) {
      for (const language of RUNNABLE) {
        await w.open('explorer/CreateAccessKey');
        await field(w, 'Description').fill(ODD);
        for (const [n, action, instance] of [[1, 'read', w.instance], [2, 'mq:List*', '*']]) {
          await w.page.getByRole('button', {name: `${w.t.common.add} Grants`}).click();
          await field(w, `Grants.${n}.Action`).fill(action);
          await field(w, `Grants.${n}.MqttInstanceId`).fill(instance);
        }
        const {AccessKey} = await run(w, language);
        w.later(() => w.call('DeleteAccessKey', {UserAccessKeyId: AccessKey.AccessKeyId}));
        assert.equal(AccessKey.Description, ODD, language);
        assert.deepEqual(AccessKey.Grants.map((g) => `${g.Action} ${g.MqttInstanceId}`).sort(), ['mq:List* *', `read ${w.instance}`]);
      }
    },
  },
  {
    name: 'explorer: code for a certificate has its lines, and its private key only as a file',
    async run(w) {
      for (const language of RUNNABLE) {
        const made = await w.issue(`${w.unique()}.example.com`);
        const name = `explorer-${w.unique()}`;
        await w.open('explorer/UploadUserCertificate');
        await field(w, 'Name').fill(name);
        await field(w, 'Cert').fill(made.chain);
        await field(w, 'Key').fill(made.key);
        for (const other of Object.keys(LABELS)) {
          const code = await codeOf(w, other);
          assert.ok(!code.includes('PRIVATE KEY') && code.includes('KEY_FILE'), other);
        }
        const {CertId} = await run(w, language, {KEY_FILE: made.key});
        w.later(() => w.call('DeleteUserCertificate', {CertId}));
        const kept = await w.call('GetUserCertificateDetail', {CertId, CertFilter: false});
        assert.equal(kept.Cert.trim(), made.chain.trim(), language);
      }
    },
  },
  {
    name: 'explorer: a change by code is checked first with DryRun, and then for real',
    async run(w) {
      const domain = `${w.unique()}.example.com`;
      const {identifier, sha256} = await w.upload(domain);
      for (const dry of ['true', 'false']) {
        await w.open(`explorer/SetSniConfig?MqttInstanceId=${w.instance}&DefaultCertificate=${identifier}&DryRun=${dry}&SniConfig=${encodeURIComponent(`${domain}#${identifier}`)}`);
        for (const language of RUNNABLE) {
          assert.equal((await run(w, language)).Success, 'true', language);
        }
        const {SniConfig} = await w.call('GetSniConfig', {MqttInstanceId: w.instance});
        assert.equal(SniConfig.some((e) => e.Domain === domain), dry === 'false');
      }
      assert.equal(await w.served(domain), sha256);
    },
  },
];
