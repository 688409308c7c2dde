// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

async function openForm(w) {
  await w.open('instances');
  await w.page.getByRole('button', {name: w.t.instances.create}).click();
  const dialog = w.page.getByRole('dialog', {name: w.t.instances.create});
  await dialog.waitFor();
  return dialog;
}

async function rows(w, id) {
  return w.sql(`SELECT name, edition FROM instance WHERE mqtt_instance_id = '${id}'`);
}

export const stories = [
  {
    name: 'instances: a wrong ID is told at its field, with the request ID of the log',
    async run(w) {
      const dialog = await openForm(w);
      w.expectStatus(400, 'CreateInstance');
      await dialog.getByLabel(w.t.instances.id).fill('a/b');
      await dialog.getByRole('button', {name: w.t.instances.create}).click();
      const told = dialog.locator('.ant-form-item', {has: w.page.getByLabel(w.t.instances.id)}).locator('.ant-form-item-explain-error');
      await told.getByText('InvalidMqttInstanceId').waitFor();
      const [requestId] = /[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/.exec(await told.innerText());
      assert.equal(await w.ask('logged', {text: requestId}), 1);
      assert.deepEqual(await rows(w, 'a/b'), []);
    },
  },
  {
    name: 'instances: one that is made is in the database, and its page opens',
    async run(w) {
      const id = `mqtt-${w.unique()}`;
      const dialog = await openForm(w);
      await dialog.getByLabel(w.t.instances.id).fill(id);
      await dialog.getByLabel(w.t.instances.name).fill('电表 & meters');
      await dialog.getByRole('button', {name: w.t.instances.create}).click();
      await w.page.waitForURL(new RegExp(`/instances/${id}(/|$)`));
      w.later(() => w.call('DeleteInstance', {MqttInstanceId: id}));
      assert.deepEqual(await rows(w, id), [['电表 & meters', 'platinum']]);
      await w.page.getByText('电表 & meters', {exact: true}).waitFor();
      await w.open('instances');
      await w.page.getByRole('link', {name: id}).waitFor();
    },
  },
  {
    name: 'instances: an ID that is taken is told, and the other instance stays as it is',
    async run(w) {
      const dialog = await openForm(w);
      w.expectStatus(400, 'CreateInstance');
      await dialog.getByLabel(w.t.instances.id).fill(w.instance);
      await dialog.getByLabel(w.t.instances.name).fill('a second one');
      await dialog.getByRole('button', {name: w.t.instances.create}).click();
      await dialog.getByText(/[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/).waitFor();
      assert.notEqual((await rows(w, w.instance))[0][0], 'a second one');
    },
  },
];
