import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { networkConfigFrom } from '@powernode/node-agent/network/config'
import { run } from '@powernode/node-agent/network/service'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { agentEnvironment, startAgent } from './agent.ts'
import { ControlPlane } from './control-plane.ts'
import { Lab } from './lab.ts'
import { firewall, newName, newNode, state, tunnel } from './node-states.ts'
import { labSkip } from './requirements.ts'
import { answerOn } from './sockets.ts'

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping']))('an agent that looks', () => {
  test('a dry run prints what would be done, shows no key, and changes nothing; show says what is there', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const node = await lab.node('a')
    const said = { node, id: newNode(), control }
    const name = newName()
    const key = Buffer.alloc(32, 7).toString('base64')
    const preshared = Buffer.alloc(32, 9).toString('base64')
    const peers = [{ key, allowed: ['fd00:77::2/128'], endpoint: '192.0.2.99:51820' }]
    const wanted = state({
      interfaces: [tunnel({ name, address: 'fd00:77::1', peers, routes: ['fd00:77::/64'], more: { preshared: { [key]: preshared } } })], // prettier-ignore
      nftables: firewall([name], []),
    })
    control.want(said.id, wanted)
    const printed = async (mode: string): Promise<string> => {
      const lines: string[] = []
      const config = networkConfigFrom({ ...(await agentEnvironment(said)), MODE: mode })
      await run(config, new AbortController().signal, { print: (text) => void lines.push(text) })
      return lines.join('')
    }
    const before = await node.must('ip', ['-d', 'address'])
    const dry = await printed('dry-run')
    expect(dry).toContain(`# ${name}: would be made`)
    expect(dry).toContain('route add fd00:77::/64')
    expect(dry).toContain('# nftables: would be taken')
    expect(dry).not.toContain(preshared)
    expect(await node.must('ip', ['-d', 'address'])).toBe(before)
    expect((await node.run('nft', ['list', 'table', 'inet', 'powernode_sdwan'])).code).not.toBe(0)
    expect(existsSync(join(node.dir, 'network/state.json'))).toBe(false)
    expect(control.heard(said.id).confirmed).toEqual([])

    const agent = await startAgent(said)
    await eventually(
      () => Promise.resolve(control.heard(said.id).reports.at(-1)),
      (report) => report?.appliedVersion === wanted.version,
    )
    await agent.stop()
    const shown = JSON.parse(await printed('show')) as { appliedVersion: string; handshakes: unknown[] }
    expect(shown).toMatchObject({ appliedVersion: wanted.version, handshakes: [{ interface: name, publicKey: key }] })
    expect(await printed('dry-run')).toContain(`# ${name}: is there`)
  })

  test('tests of the intent are tried from the node itself, and told as they came out', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const [node, far] = await Promise.all([lab.node('a'), lab.node('far')])
    await answerOn(far, [443])
    await far.must('nft', ['-f', '-'], { input: 'table inet t { chain i { type filter hook input priority 0; tcp dport 81 drop; tcp dport 82 reject; }; }\n' }) // prettier-ignore
    const id = newNode()
    const tried = [
      ['tcp', far.v6, 443, true],
      ['tcp', far.v4, 443, true],
      ['udp', far.v6, 443, true],
      ['icmp6', far.v6, 0, true],
      ['tcp', far.v6, 80, false],
      ['tcp', far.v6, 81, false],
      ['tcp', far.v6, 82, false],
      ['udp', far.v6, 444, false],
      ['icmp6', '2001:db8::99', 0, false],
    ] as const
    const tests = tried.map(([protocol, address, port]) => ({ testId: randomUUID(), address, protocol, port, expected: true })) // prettier-ignore
    control.want(id, state({ tests }))
    const agent = await startAgent({ node, id, control })
    const report = await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (report) => report?.tests.length === tried.length,
    )
    const reached = new Map(report?.tests.map((each) => [each.testId, each.reached]))
    expect(tests.map(({ testId }) => reached.get(testId))).toEqual(tried.map(([, , , is]) => is))
    await agent.stop()
  })
})
