import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPublicAddress, parseIPv4, parseIPv6 } from '../../../runtime/guest/outbound/addresses.ts';

describe('isPublicAddress', () => {
  const notPublic = [
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.255',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '198.19.0.1',
    '203.0.113.5',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::FFFF:10.0.0.1',
    '::ffff:0:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::8.8.8.8',
    '100::1',
    '2001::1',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '2002:c0a8:101::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '[::1]',
    '[::ffff:7f00:1]',
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '0x7f.0.0.1',
    '1:2:3',
    ':::',
    '2600::1::2',
    '2600:1:2:3:4:5:6:7:8',
    '2600::12345',
    '[2600::1',
  ];
  for (const text of notPublic) {
    it(`is false for ${JSON.stringify(text)}`, () => assert.ok(!isPublicAddress(text)));
  }

  const publicOnes = [
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.0.1.1',
    '223.255.255.255',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
    '2001:4860:4860::8888',
    '[2606:4700:4700::1111]',
    '2a00:1450:4001:80b::200e',
  ];
  for (const text of publicOnes) {
    it(`is true for ${text}`, () => assert.ok(isPublicAddress(text)));
  }

  it('judges odd spellings after the URL parser made them plain', () => {
    for (const url of [
      'http://0x7f.1/',
      'http://2130706433/',
      'http://017700000001/',
      'http://[::ffff:127.0.0.1]/',
      'http://①②⑦.0.0.1/',
    ]) {
      assert.ok(!isPublicAddress(new URL(url).hostname), url);
    }
  });
});

describe('parsing addresses', () => {
  it('reads IPv4 as a number', () => {
    assert.equal(parseIPv4('255.255.255.255'), 0xffffffff);
    assert.equal(parseIPv4('1.2.3.4'), 0x01020304);
    assert.equal(parseIPv4('1.2.3.4 '), null);
  });

  it('reads IPv6 as groups, compressed or not', () => {
    assert.deepEqual(parseIPv6('1:2:3:4:5:6:7:8'), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(parseIPv6('1::8'), [1, 0, 0, 0, 0, 0, 0, 8]);
    assert.deepEqual(parseIPv6('::'), [0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(parseIPv6('::1.2.3.4'), [0, 0, 0, 0, 0, 0, 0x102, 0x304]);
    assert.equal(parseIPv6('1:2:3:4:5:6:7:8::'), null);
    assert.equal(parseIPv6('::1.2.3.400'), null);
  });
});
