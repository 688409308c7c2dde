// SPDX-License-Identifier: Apache-2.0
// palette: a screenshot as a PNG of 256 colours, a third as large. The palette is the commonest colours that differ; every
// pixel gets the nearest.
import {deflateSync} from 'node:zlib';

import {PNG} from './modules.mjs';

const COLOURS = 256;
const NEAR = [3, 6, 12, 24, 48, 96]; // differences that are none; the least with which there are few enough

function distance(a, b) {
  const [red, green, blue] = [(a >> 16) - (b >> 16), (a >> 8 & 255) - (b >> 8 & 255), (a & 255) - (b & 255)];
  return red * red + green * green + blue * blue;
}

function nearest(chosen, colour) {
  let best = 0;
  for (let n = 1; n < chosen.length; n++) {
    if (distance(chosen[n], colour) < distance(chosen[best], colour)) {
      best = n;
    }
  }
  return best;
}

function choose(colours) {
  for (const near of NEAR) {
    const chosen = [];
    for (const colour of colours) {
      if (chosen.length === 0 || distance(chosen[nearest(chosen, colour)], colour) > near * near) {
        chosen.push(colour);
      }
      if (chosen.length > COLOURS) {
        break;
      }
    }
    if (chosen.length <= COLOURS) {
      return chosen;
    }
  }
  return colours.slice(0, COLOURS);
}

const CRCS = Uint32Array.from({length: 256}, (_, n) => {
  for (let bit = 0; bit < 8; bit++) {
    n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1;
  }
  return n;
});

function chunk(type, body) {
  const made = Buffer.alloc(body.length + 12);
  made.writeUInt32BE(body.length, 0);
  made.write(type, 4, 'latin1');
  body.copy(made, 8);
  let crc = 0xffffffff;
  for (const byte of made.subarray(4, -4)) {
    crc = CRCS[(crc ^ byte) & 255] ^ crc >>> 8;
  }
  made.writeUInt32BE((crc ^ 0xffffffff) >>> 0, made.length - 4);
  return made;
}

export function palette(screenshot) {
  const {width, height, data} = PNG.sync.read(screenshot); // four bytes a pixel
  const counts = new Map();
  const pixels = new Uint32Array(width * height);
  for (let n = 0; n < pixels.length; n++) {
    pixels[n] = data[4 * n] << 16 | data[4 * n + 1] << 8 | data[4 * n + 2];
    counts.set(pixels[n], (counts.get(pixels[n]) ?? 0) + 1);
  }
  const chosen = choose([...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a)));
  const index = new Map([...counts.keys()].map((colour) => [colour, nearest(chosen, colour)]));
  const rows = Buffer.alloc((width + 1) * height); // a row begins with its filter, 0
  pixels.forEach((colour, n) => {
    rows[n + Math.floor(n / width) + 1] = index.get(colour);
  });
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0]); // 8 bits, a palette
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
    chunk('PLTE', Buffer.from(chosen.flatMap((c) => [c >> 16, c >> 8 & 255, c & 255]))),
    chunk('IDAT', deflateSync(rows, {level: 9})), chunk('IEND', Buffer.alloc(0))]);
}
