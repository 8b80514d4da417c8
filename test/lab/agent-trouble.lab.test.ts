import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTools, type Tools } from '@powernode/node-agent/network/tools'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { spawnAgent, spawnDying, startAgent } from './agent.ts'
import { ControlPlane } from './control-plane.ts'
import { ControlRoad } from './control-road.ts'
import { Lab, type LabNode } from './lab.ts'
import { firewall, newName, newNode, state, tunnel, type State } from './node-states.ts'
import { labSkip } from './requirements.ts'

const TABLE = ['list', 'table', 'inet', 'powernode_sdwan']

/** One node, a first state that it has and keeps, and how to tell what is there. */
async function oneNode(lab: Lab, control: ControlPlane) {
  const node = await lab.node('a')
  const end = { node, id: newNode(), name: newName() }
  const said = { ...end, control }
  const first = state({
    interfaces: [tunnel({ name: end.name, address: 'fd00:77::1', routes: ['fd00:77::/64', 'fd00:78::/48'] })],
    nftables: firewall([end.name], []),
  })
  return { ...end, said, first }
}

const applied = (control: ControlPlane, id: string, wanted: State) =>
  eventually(
    () => Promise.resolve(control.heard(id).reports.at(-1)),
    (report) => report?.appliedVersion === wanted.version,
  )

/** Everything of the node that a network may change. */
async function lookOf(node: LabNode): Promise<string> {
  const said = await Promise.all([
    node.must('ip', ['-6', 'route', 'show', 'proto', '94']),
    node.must('ip', ['-br', 'address']),
    node.run('nft', TABLE).then(({ out }) => out),
  ])
  return said.join('\n').replaceAll(/packets \d+ bytes \d+/g, '')
}

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping']))('a network in trouble', () => {
  test.each([
    ['the firewall', 'nft -f'],
    ['the tunnels', 'wg syncconf'],
    ['an interface has its mark', 'ip link set dev wg-'],
    ['the routes', 'ip -batch'],
    ['BGP', 'vtysh'],
  ])('an agent that is killed before %s puts back what was confirmed, and then goes on', async (_, before) => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const road = await ControlRoad.lay(lab)
    const way = { ...said, road: await road.to(control.port) }
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    await agent.stop()
    const confirmed = await lookOf(node)

    const second = state({
      interfaces: [
        tunnel({ name: newName(), address: 'fd00:88::1', port: 51_821, routes: ['fd00:88::/64'] }),
        tunnel({ name, address: 'fd00:77::2', routes: ['fd00:99::/64'] }),
      ],
      nftables: firewall([name], ['counter accept comment "everything"']),
      frr: 'frr defaults traditional\n',
    })
    control.want(id, second)
    const dying = await spawnDying(way, before)
    expect((await dying.exited).signal).toBe('SIGKILL')
    expect(existsSync(join(node.dir, 'network/journal.json'))).toBe(true)

    // Nobody is there to be asked: it is put back all the same.
    control.want(id, first)
    const away = await startAgent({ ...said, road: { host: '127.0.0.1', port: 1 } })
    await eventually(
      () => Promise.resolve(existsSync(join(node.dir, 'network/journal.json'))),
      (begun) => !begun,
    )
    await away.stop()
    expect(await lookOf(node)).toBe(confirmed)

    control.want(id, second)
    const next = await startAgent(said)
    await applied(control, id, second)
    expect(await lookOf(node)).not.toBe(confirmed)
    await next.stop()
    road.close()
  })

  test('after a start of the machine everything is made anew, also while the control plane is away', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    await agent.stop()
    const confirmed = await lookOf(node)
    await node.must('ip', ['link', 'del', 'dev', name])
    await node.must('nft', ['flush', 'ruleset'])
    const away = await startAgent({ ...said, road: { host: '127.0.0.1', port: 1 }, env: { LOOK_EVERY: '1h' } })
    await eventually(
      () => lookOf(node),
      (look) => look === confirmed,
    )
    await away.stop()
  })

  test('what was confirmed and would be refused today is left as it stands, and the next state is heard', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    await agent.stop()
    const confirmed = await lookOf(node)
    const file = join(node.dir, 'network', 'state.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('fd00:78::/48', '2000::/3'))
    const refused = state({ interfaces: [tunnel({ name, address: 'fd00:77::1', routes: ['2000::/3'] })] })
    control.want(id, refused)
    const stricter = await startAgent(said)
    await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (told) => told?.rolledBackVersion === refused.version,
    )
    expect(stricter.log()).toContain('it is left as it stands until another one comes')
    expect(await lookOf(node)).toBe(confirmed)
    const second = state({ interfaces: [tunnel({ name, address: 'fd00:77::2' })], nftables: firewall([name], []) })
    control.want(id, second)
    await applied(control, id, second)
    expect(await lookOf(node)).not.toContain('fd00:77::1/')
    await stricter.stop()
  })

  test('an agent that is killed right after it kept a version knows that it did', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, said, first } = await oneNode(lab, control)
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    await agent.stop()
    const note = join(node.dir, 'network', 'journal.json')
    writeFileSync(note, JSON.stringify({ version: first.version, making: [] }))
    const from = control.heard(id).reports.length
    const again = await startAgent(said)
    const report = await eventually(
      () => Promise.resolve(control.heard(id).reports.slice(from).at(-1)),
      (told) => told?.appliedVersion === first.version,
    )
    expect(report?.rolledBackVersion).toBe('')
    expect(existsSync(note)).toBe(false)
    await again.stop()
  })

  test('what cuts the agent off when it was confirmed already is put back too', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    const confirmed = await lookOf(node)
    const late = state({
      interfaces: [tunnel({ name, address: 'fd00:77::1', routes: ['fd00:99::/64'] })],
      nftables: firewall([name], []),
    })
    const isConfirmed = (version: string): boolean => control.heard(id).confirmed.includes(version)
    control.onConfirm = (_, version) =>
      version === late.version && isConfirmed(version) ? Promise.reject(new Error('out of reach')) : Promise.resolve()
    control.want(id, late)
    const report = await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (report) => report?.rolledBackVersion === late.version,
      60_000,
    )
    expect(report?.rolledBackReason).toContain('lost after it was confirmed')
    expect(report?.appliedVersion).toBe(first.version)
    expect(await lookOf(node)).toBe(confirmed)
    await agent.stop()
  })

  test('a control plane that is away whatever is applied changes nothing in the end', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    control.want(id, first)
    const agent = await startAgent(said)
    await applied(control, id, first)
    const second = state({
      interfaces: [tunnel({ name, address: 'fd00:77::1', routes: ['fd00:99::/64'] })],
      nftables: firewall([name], []),
    })
    control.onConfirm = () =>
      control.heard(id).confirmed.some((version) => version === second.version)
        ? Promise.reject(new Error('out of reach'))
        : Promise.resolve()
    control.want(id, second)
    await eventually(
      () => Promise.resolve(agent.log()),
      (log) => log.includes('putting back did not help'),
      60_000,
    )
    await eventually(
      () => lookOf(node),
      (look) => look.includes('fd00:99::/64') && !look.includes('fd00:78::/48'),
    )
    await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (report) => report?.appliedVersion === second.version && report?.rolledBackVersion === '',
    )
    expect(existsSync(join(node.dir, 'network/journal.json'))).toBe(false)
    await agent.stop()
  })

  test('a tunnel to another platform that was taken away is never put back, confirmed or not', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const crossing = newName('fx')
    const open = state({
      interfaces: [...(first.interfaces ?? []), tunnel({ name: crossing, address: 'fd00:77::1', port: 51_821, routes: ['fd00:b::/48'] })], // prettier-ignore
      nftables: firewall([name, crossing], []),
    })
    control.want(id, open)
    const agent = await startAgent(said)
    await applied(control, id, open)
    expect(await lookOf(node)).toContain('fd00:b::/48')
    control.onConfirm = () => Promise.reject(new Error('out of reach'))
    control.want(id, first)
    await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (report) => report?.rolledBackVersion === first.version,
      60_000,
    )
    expect(await lookOf(node)).not.toMatch(new RegExp(`^${crossing}|fd00:b::`, 'm'))
    await agent.stop()

    // Neither does who begins anew, out of reach of everybody.
    const away = await startAgent({ ...said, road: { host: '127.0.0.1', port: 1 } })
    await eventually(
      () => lookOf(node),
      (look) => look.includes(name),
    )
    expect(await lookOf(node)).not.toMatch(new RegExp(`^${crossing}|fd00:b::`, 'm'))
    await away.stop()
  })

  test('rules that cut the agent off from its control plane are put back by themselves', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const road = await ControlRoad.lay(lab)
    const way = await road.to(control.port)
    const agent = await spawnAgent({ ...said, road: way })
    control.want(id, first)
    await applied(control, id, first)
    const confirmed = await lookOf(node)
    // The road to the control plane leads into a tunnel in which nobody is.
    const cut = state({
      interfaces: [tunnel({ name, address: 'fd00:77::1', routes: ['fd00:77::/64', `${way.host}/32`] })],
      nftables: firewall([name], []),
    })
    control.want(id, cut)
    const report = await eventually(
      () => Promise.resolve(control.heard(id).reports.at(-1)),
      (report) => report?.rolledBackVersion === cut.version,
      60_000,
    )
    expect(report?.rolledBackReason).toContain('did not confirm it within 5 s')
    expect(report?.appliedVersion).toBe(first.version)
    expect(control.heard(id).confirmed).not.toContain(cut.version)
    expect(await lookOf(node)).toBe(confirmed)
    await agent.stop()
    road.close()
  })

  test('a version that comes while the agent looks for drift does not wait for it', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const held = { looks: 0, until: Promise.withResolvers<void>() }
    const tools = openTools(node.netns)
    const must: Tools['must'] = async (command, args, options) => {
      if (command === 'wg' && args[0] === 'show') {
        held.looks += 1
        await held.until.promise
      }
      return tools.must(command, args, options)
    }
    // Not while the first version is tried: what differs then is looked at once more, in turn.
    const agent = await startAgent({ ...said, env: { LOOK_EVERY: '10s' } }, { tools: { ...tools, must } })
    control.want(id, first)
    await eventually(
      () => Promise.resolve([control.heard(id).confirmed.at(-1), held.looks]),
      ([confirmed, looks]) => confirmed === first.version && Number(looks) > 1, // the report, and the look for drift
    )
    const second = state({ interfaces: [], nftables: firewall([name], []) })
    control.want(id, second)
    await eventually(
      () => Promise.resolve(control.heard(id).confirmed.at(-1)),
      (confirmed) => confirmed === second.version,
    )
    expect((await node.run('ip', ['link', 'show', 'dev', name])).code).not.toBe(0)
    held.until.resolve()
    await agent.stop()
  })

  test('what somebody else changed is told and put right', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const agent = await startAgent(said)
    control.want(id, first)
    await applied(control, id, first)
    const confirmed = await lookOf(node)
    for (const [kind, command, ...args] of [
      ['routes', 'ip', '-6', 'route', 'del', 'fd00:78::/48'],
      ['nftables', 'nft', 'delete', 'table', 'inet', 'powernode_sdwan'],
      ['nftables', 'nft', 'insert', 'rule', 'inet', 'powernode_sdwan', 'net_in', 'accept'],
      ['wireguard', 'wg', 'set', name, 'listen-port', '51999'],
      ['wireguard', 'ip', 'link', 'del', 'dev', name],
    ] as const) {
      const from = control.heard(id).reports.length
      await eventually(
        async () => {
          // Once more, if the agent was still at what was changed before: it has put this right then without a word.
          if ((await lookOf(node)) === confirmed) await node.must(command, args)
          return control.heard(id).reports.slice(from)
        },
        (reports) =>
          reports.some(({ backEnds }) => backEnds.some((each) => each.name === kind && each.status === 'drifted')),
      )
      await eventually(
        () => lookOf(node),
        (look) => look === confirmed,
      )
      await eventually(
        () => Promise.resolve(control.heard(id).reports.at(-1)),
        (report) => report?.backEnds.every(({ status }) => status === 'applied') === true,
      )
    }
    await agent.stop()
  })

  test('a control plane that was taken over touches nothing that is not ours', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { node, id, name, said, first } = await oneNode(lab, control)
    const foreign = newName()
    await node.must('wireguard-go', [foreign])
    const agent = await startAgent(said)
    control.want(id, first)
    await applied(control, id, first)
    const confirmed = await lookOf(node)
    const own = (more: Partial<Parameters<typeof tunnel>[0]>) => tunnel({ name, address: 'fd00:77::1', ...more })
    const attempts: Record<string, State> = {
      'an interface of somebody else': { interfaces: [own({ name: foreign })] },
      'a name that is none of ours': { interfaces: [own({ name: 'e0' })] },
      'the default route': { interfaces: [own({ routes: ['::/0'] })] },
      'commands behind a name': { interfaces: [own({ name: 'wg-aaaaaaaaaaaa; id' })] },
      'a configuration with commands': { interfaces: [own({ more: { config: '[Interface]\nListenPort = 51820\nPostUp = touch /tmp/owned\n' } })] }, // prettier-ignore
      'another table': { interfaces: [], nftables: 'flush ruleset\n' },
      'everybody’s input': { interfaces: [], nftables: firewall([name], []).replace('policy accept', 'policy drop') },
      'another interface': { interfaces: [], nftables: firewall(['e0'], []) },
      'a file of FRR': { interfaces: [], frr: 'log file /etc/cron.d/owned\n' },
      'a command of vtysh': { interfaces: [], frr: 'do write terminal\n' },
      'another node': { interfaces: [], nodeInstanceId: newNode() },
      'a database on this machine': { interfaces: [], ovn: { deploymentId: newNode(), nbDbEndpoint: 'unix:/run/ovn/ovnnb_db.sock', desired: {} } }, // prettier-ignore
    }
    for (const [what, attempt] of Object.entries(attempts)) {
      const wanted = state(attempt)
      control.want(id, wanted)
      const report = await eventually(
        () => Promise.resolve(control.heard(id).reports.at(-1)),
        (report) => report?.rolledBackVersion === wanted.version,
      )
      expect(report?.appliedVersion, what).toBe(first.version)
      expect(await lookOf(node), what).toBe(confirmed)
    }
    expect(control.heard(id).confirmed).toEqual([first.version])
    await agent.stop()
  })
})
