// SPDX-License-Identifier: Apache-2.0
// opened: what a page shows once something on it is opened; looked at as the pages are (shots.mjs).
const domains = 'instances/{instance}/domains';

const dialog = (page, name) => page.getByRole('dialog', {name});

export const opened = [
  {
    name: 'domains-preview', path: domains,
    // A domain that its certificate is not for.
    async show(w, page) {
      await page.getByRole('button', {name: w.t.domains.add}).click();
      const form = dialog(page, w.t.domains.add);
      await form.getByLabel(w.t.domains.domain, {exact: true}).fill('mqtt.stark.example');
      await form.getByRole('combobox', {name: w.t.domains.certificate}).fill(await certificateOf(w, 'edge.stark.example'));
      await form.getByRole('button', {name: w.t.domains.toDraft}).click();
      await form.waitFor({state: 'hidden'});
      const draft = page.getByRole('region', {name: w.t.domains.draft});
      await draft.getByRole('button', {name: w.t.domains.preview}).click();
      await draft.getByRole('alert').waitFor();
    },
  },
  {
    name: 'verify', path: domains,
    async show(w, page) {
      await page.getByRole('button', {name: w.t.verify.verifyOf('devices.acme.example')}).click();
      await dialog(page, w.t.verify.title).getByText(w.t.verify.same).waitFor();
    },
  },
  {
    name: 'ca-register', path: 'instances/{instance}/ca',
    async show(w, page) {
      await page.getByRole('button', {name: w.t.ca.register}).click();
      const drawer = dialog(page, w.t.ca.register);
      await drawer.getByLabel(w.t.ca.code, {exact: true}).waitFor();
      await drawer.getByRole('button', {name: w.t.ca.next}).click();
      await drawer.locator('pre').first().waitFor();
    },
  },
  {
    name: 'explorer-answer', path: 'explorer/DescribeInstance?MqttInstanceId={instance}',
    async show(w, page) {
      await page.getByRole('button', {name: w.t.explorer.call, exact: true}).click();
      await page.locator('pre[data-answer]').waitFor();
    },
  },
];

async function certificateOf(w, domain) {
  const {SniConfig} = await w.call('GetSniConfig', {MqttInstanceId: w.instance});
  return SniConfig.find((entry) => entry.Domain === domain).CertIdentifier;
}
