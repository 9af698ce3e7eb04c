import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isPeerId, parseTcpAddress } from '../../runtime/core/multiaddr.ts';

const ID = '12D3KooWH9GerdSEroL2nqjpd2GuE5dwmqNi7uHX7FoywBdKcP4q';

suite('multiaddrs', () => {
  const rows: readonly (readonly [
    text: string,
    host: string,
    port: number,
    webSocket: string | null,
    id: string | null,
  ])[] = [
    ['/ip4/127.0.0.1/tcp/9010', '127.0.0.1', 9010, null, null],
    ['/ip6/::1/tcp/0', '::1', 0, null, null],
    [`/dns4/head.example/tcp/9010/p2p/${ID}`, 'head.example', 9010, null, ID],
    [`/dns/head.example/tcp/9010/ipfs/${ID}`, 'head.example', 9010, null, ID],
    ['/ip4/0.0.0.0/tcp/9012/ws', '0.0.0.0', 9012, 'ws', null],
    [`/ip4/10.0.0.5/tcp/9012/ws/p2p/${ID}`, '10.0.0.5', 9012, 'ws', ID],
    [`/dns4/head.example/tcp/443/wss/p2p/${ID}`, 'head.example', 443, 'wss', ID],
    [`/dns4/head.example/tcp/443/tls/ws/p2p/${ID}`, 'head.example', 443, 'wss', ID],
  ];
  for (const [text, host, port, webSocket, peerId] of rows) {
    test(`reads ${text}`, () => assert.deepEqual(parseTcpAddress(text), { host, port, webSocket, peerId }));
  }

  const malformed = [
    ...['', '/', '/ip4/127.0.0.1', '/ip4/127.0.0.1/tcp', '/ip4/127.0.0.1/tcp/', '/ip4/127.0.0.1/tcp/65536'],
    ...['/ip4/127.0.0.1/tcp/-1', '/ip4/127.0.0.1/tcp/9010/', '/ip4/127.0.0.1/udp/9010', '/ip4/::1/tcp/1'],
    ...['/ip4/127.0.0.1/udp/9010/quic-v1', '/ip4/1.2.3/tcp/1', '/ip4/1.2.3.4.5/tcp/1', '/ip6/127.0.0.1/tcp/1'],
    ...['/dns/a b/tcp/1', '/dns4/-\n/tcp/1', `/dns/${'a'.repeat(64)}/tcp/1`, '/ip4/1.2.3.4/tcp/1/ws/ws'],
    ...['/ip4/1.2.3.4/tcp/1/tls', '/ip4/1.2.3.4/tcp/1/wss/ws', '/ip4/1.2.3.4/ws/tcp/1', '/ip4/1.2.3.4/tcp/1/WS'],
    ...[`/ip4/1.2.3.4/tcp/1/p2p/${ID}/ws`, '/ip4/1.2.3.4/tcp/1/ws/p2p/', '/ip4/1.2.3.4/tcp/1/p2p/12D3KooW'],
    ...[`/ip4/1.2.3.4/tcp/1/ws/p2p/${ID}0`, `/ip4/1.2.3.4/tcp/1/p2p/${ID}/p2p-circuit`, 'ws://1.2.3.4:1', '1.2.3.4:1'],
  ];
  for (const text of malformed) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseTcpAddress(text), undefined));
  }

  test('peer ids are told from other base58', () => {
    assert.equal(isPeerId(ID), true);
    assert.equal(isPeerId('QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'), true);
    for (const text of ['', 'Q', '0OIl', ID.slice(1), `${ID}${ID}`, 'bafkqaaa']) assert.equal(isPeerId(text), false);
  });
});
