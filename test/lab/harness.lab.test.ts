import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { ControlRoad } from './control-road.ts'
import { startFrr } from './frr.ts'
import { Lab, must, run } from './lab.ts'
import { startChassis, startOvn } from './ovn.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls, sends } from './sockets.ts'
import { startWireGuard, wireGuardKeys } from './wireguard.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe.skipIf(labSkip())('the lab', () => {
  test('a tunnel between two nodes carries a ping and a connection, and BGP over it a route', async () => {
    await using lab = await Lab.open()
    const [a, b] = await Promise.all([lab.node('a'), lab.node('b')])
    const names = { a: `t${lab.prefix.slice(2)}a`, b: `t${lab.prefix.slice(2)}b` }
    const keys = { a: await wireGuardKeys(), b: await wireGuardKeys() }
    for (const [own, far] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const node = own === 'a' ? a : b
      const other = own === 'a' ? b : a
      await startWireGuard(node, names[own])
      const config = `[Interface]\nPrivateKey = ${keys[own].privateKey}\nListenPort = 51820\n[Peer]\nPublicKey = ${keys[far].publicKey}\nAllowedIPs = ::/0\nEndpoint = ${other.v4}:51820\n`
      const file = join(node.dir, 'wg.conf')
      writeFileSync(file, config, { mode: 0o600 })
      await must('wg', ['setconf', names[own], file])
      await node.batch(`addr add fd00:77::${own}/64 dev ${names[own]} nodad`, `link set ${names[own]} mtu 1420 up`)
    }
    await a.untilPings('fd00:77::b')
    await answerOn(b, [443])
    expect(await calls(a, 'fd00:77::b', 443)).toBe('b')
    expect(await sends(a, 'fd00:77::b', 443)).toBe('b')
    expect(await calls(a, 'fd00:77::b', 444)).toBeUndefined()

    const bgp = (own: string, far: string) =>
      `frr defaults datacenter\nrouter bgp 65001\n bgp router-id 10.0.0.${own === 'a' ? 1 : 2}\n no bgp network import-check\n coalesce-time 50\n neighbor fd00:77::${far} remote-as internal\n neighbor fd00:77::${far} timers connect 1\n address-family ipv6 unicast\n  network fd00:${own}::/48\n  neighbor fd00:77::${far} activate\n exit-address-family\nexit\n`
    const frr = await startFrr(a, bgp('a', 'b'))
    await startFrr(b, bgp('b', 'a'))
    await eventually(
      () => frr.json('show bgp ipv6 unicast json'),
      (seen) => JSON.stringify(seen).includes('fd00:b::/48'),
    )
    await eventually(
      () => must('ip', ['-n', a.netns, '-6', 'route']),
      (routes) => routes.includes('fd00:b::/48'),
    )
  })

  test('an ACL of OVN is in what a trace says, and in what really passes', async () => {
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    const ports = [1, 2].map((n) => [`vm${n}`, `02:00:00:00:00:0${n} 10.1.0.${n}`] as const)
    const add = ports.flatMap(([port, at]) => ['--', 'lsp-add', 's', port, '--', 'lsp-set-addresses', port, at])
    const deny = ['--', 'acl-add', 's', 'to-lport', '1000', 'outport == "vm2" && tcp', 'drop']
    await ovn.nbctl('--wait=sb', '--', 'ls-add', 's', ...add, ...deny)
    const flow =
      'inport=="vm1" && eth.src==02:00:00:00:00:01 && eth.dst==02:00:00:00:00:02 && ip4.src==10.1.0.1 && ip4.dst==10.1.0.2 && ip.ttl==64'
    expect(await ovn.trace('s', `${flow} && icmp4`)).toEqual(['vm2'])
    expect(await ovn.trace('s', `${flow} && tcp.dst==443`)).toEqual([])

    const chassis = await startChassis(ovn)
    const plug = (n: number) =>
      chassis.plug(`vm${n}`, { port: `vm${n}`, mac: `02:00:00:00:00:0${n}`, addresses: [`10.1.0.${n}/24`] })
    const [one, two] = [await plug(1), await plug(2)]
    await one.untilPings('10.1.0.2')
    await answerOn(two, [443])
    expect(await calls(one, '10.1.0.2', 443)).toBeUndefined()
    await ovn.nbctl('--wait=hv', 'acl-del', 's')
    await eventually(
      () => calls(one, '10.1.0.2', 443),
      (answer) => answer === 'vm2',
    )
  })

  test('nodes reach what listens on loopback by the road to control, until it is cut', async () => {
    await using lab = await Lab.open()
    const server = createServer((socket) => socket.end('platform\n'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const road = await ControlRoad.lay(lab)
    const node = await lab.node('a')
    const { host, port } = await road.to(address.port)
    expect(await eventually(() => calls(node, host, port), Boolean)).toBe('platform')
    road.cut()
    expect(await calls(node, host, port)).toBeUndefined()
    road.mend()
    expect(await calls(node, host, port)).toBe('platform')
    road.close()
    server.close()
  })

  test('a host behind a node is reached through it', async () => {
    await using lab = await Lab.open()
    const [gateway, far] = await Promise.all([lab.node('gateway'), lab.node('far')])
    const host = await lab.behind(gateway, 'host', { own: 'fd00:9::2/64', gateway: 'fd00:9::1/64' })
    await far.batch(`route add fd00:9::/64 via ${gateway.v6}`)
    await far.untilPings(host.v6)
  })

  test('nothing is left of a lab whose maker was killed, daemons that changed their user included', async () => {
    const script = `
      import { Lab } from './test/lab/lab.ts'
      import { startFrr } from './test/lab/frr.ts'
      const lab = await Lab.open()
      await startFrr(await lab.node('a'))
      process.stdout.write(JSON.stringify({ prefix: lab.prefix, dir: lab.dir }) + '\\n')
      process.stdin.resume()`
    const maker = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [line] = await once(maker.stdout, 'data')
    const { prefix, dir } = JSON.parse(String(line)) as { prefix: string; dir: string }
    const spaces = async () => (await must('ip', ['netns', 'list'])).includes(prefix)
    expect(await spaces()).toBe(true)
    maker.kill('SIGKILL')
    await eventually(spaces, (there) => !there)
    await eventually(
      () => run('pgrep', ['-f', prefix]),
      ({ code }) => code === 1,
    )
    await eventually(
      () => Promise.resolve(existsSync(dir) || existsSync(`/etc/frr/${prefix}-a`)),
      (there) => !there,
    )
  })
})
