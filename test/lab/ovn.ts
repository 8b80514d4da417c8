import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../eventually.ts'
import { must, type Lab, type LabNode } from './lab.ts'

const SCHEMAS = '/usr/share/ovn'

/** An OVN of one's own: northbound and southbound database and ovn-northd, in a namespace of the lab. */
export type Ovn = {
  readonly node: LabNode
  /** unix:<path>; reached from every namespace. */
  readonly nb: string
  readonly sb: string
  /** tcp:<address in the underlay>:6641, as a node far away reaches it. */
  readonly nbTcp: string
  nbctl(...args: string[]): Promise<string>
  sbctl(...args: string[]): Promise<string>
  /** What would become of a packet: the names of the ports it leaves by; none when it is dropped. A new connection, unless said. */
  trace(datapath: string, microflow: string, ct?: 'new' | 'est'): Promise<string[]>
  /** Ends the northbound database in the middle of what goes on. */
  killNorthbound(): void
  startNorthbound(): Promise<void>
}

export async function startOvn(lab: Lab, name = 'ovn'): Promise<Ovn> {
  const node = await lab.node(name)
  const { dir } = node
  const env = { OVN_RUNDIR: dir, OVS_RUNDIR: dir, OVN_LOGDIR: dir, OVS_LOGDIR: dir, OVN_DBDIR: dir, OVS_DBDIR: dir }
  const database = async (which: 'nb' | 'sb', port: number) => {
    const file = join(dir, `${which}.db`)
    if (!existsSync(file)) await must('ovsdb-tool', ['create', file, `${SCHEMAS}/ovn-${which}.ovsschema`])
    const socket = join(dir, `${which}.sock`)
    const remotes = [`--remote=punix:${socket}`, `--remote=ptcp:${port}:0.0.0.0`]
    const quiet = [`--unixctl=${join(dir, `${which}.ctl`)}`, '-vconsole:off']
    const child = await node.start(which, 'ovsdb-server', [file, ...remotes, ...quiet], env)
    await eventually(() => Promise.resolve(existsSync(socket)), Boolean)
    return child
  }
  let northbound = await database('nb', 6641)
  await database('sb', 6642)
  const nb = `unix:${join(dir, 'nb.sock')}`
  const sb = `unix:${join(dir, 'sb.sock')}`
  const nbctl = (...args: string[]) => must('ovn-nbctl', [`--db=${nb}`, '--timeout=20', ...args])
  const sbctl = (...args: string[]) => must('ovn-sbctl', [`--db=${sb}`, '--timeout=20', ...args])
  await nbctl('init')
  await sbctl('init')
  const databases = [`--ovnnb-db=${nb}`, `--ovnsb-db=${sb}`]
  await node.start('northd', 'ovn-northd', [...databases, `--unixctl=${join(dir, 'northd.ctl')}`, '-vconsole:off'], env)
  await nbctl('--wait=sb', 'sync')
  return {
    node,
    nb,
    sb,
    nbTcp: `tcp:${node.v4}:6641`,
    nbctl,
    sbctl,
    async trace(datapath, microflow, ct = 'new') {
      const args = [`--db=${sb}`, '--minimal', `--ct=${ct}`, `--ct=${ct}`, datapath, microflow]
      const out = await must('ovn-trace', args)
      return [...out.matchAll(/^\s*output\("([^"]+)"\)/gm)].map(([, port = '']) => port)
    },
    killNorthbound: () => northbound.kill(),
    async startNorthbound() {
      northbound = await database('nb', 6641)
    },
  }
}

/** A machine that carries ports of logical switches: Open vSwitch without a kernel module, and ovn-controller. */
export type Chassis = {
  readonly node: LabNode
  vsctl(...args: string[]): Promise<string>
  /** A namespace with e0 at this logical port, its addresses with prefix length. */
  plug(
    name: string,
    said: { readonly port: string; readonly mac: string; readonly addresses: readonly string[] },
  ): Promise<LabNode>
}

export async function startChassis(ovn: Ovn, name = 'chassis'): Promise<Chassis> {
  const { lab } = ovn.node
  const node = await lab.node(name)
  const { dir } = node
  mkdirSync(dir, { recursive: true })
  const env = { OVS_RUNDIR: dir, OVN_RUNDIR: dir, OVS_LOGDIR: dir, OVN_LOGDIR: dir }
  const conf = join(dir, 'conf.db')
  const socket = join(dir, 'db.sock')
  await must('ovsdb-tool', ['create', conf, '/usr/share/openvswitch/vswitch.ovsschema'])
  const ctl = (which: string) => [`--unixctl=${join(dir, `${which}.ctl`)}`, '-vconsole:off']
  await node.start('ovsdb', 'ovsdb-server', [conf, `--remote=punix:${socket}`, ...ctl('ovsdb')], env)
  await eventually(() => Promise.resolve(existsSync(socket)), Boolean)
  const vsctl = (...args: string[]) => must('ovs-vsctl', [`--db=unix:${socket}`, '--timeout=20', ...args])
  await vsctl('--no-wait', 'init')
  await node.start('vswitchd', 'ovs-vswitchd', [`unix:${socket}`, ...ctl('vswitchd')], env)
  await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail-mode=secure')
  const ids = {
    'ovn-remote': ovn.sb,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': node.v4,
    'system-id': name,
    'ovn-bridge-datapath-type': 'netdev',
  }
  await vsctl(
    'set',
    'Open_vSwitch',
    '.',
    ...Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`),
  )
  await node.start('controller', 'ovn-controller', [`unix:${socket}`, '-vconsole:off'], env)
  return {
    node,
    vsctl,
    async plug(host, { port, mac, addresses }) {
      const end = await lab.plugged(node, host, { far: port.slice(0, 15), mac })
      await end.batch(...addresses.map((each) => `addr add ${each} dev e0${each.includes(':') ? ' nodad' : ''}`))
      // Without this, checksums of TCP that nobody fills in: pings pass and connections do not.
      await end.must('ethtool', ['-K', 'e0', 'tx', 'off'])
      await vsctl('add-port', 'br-int', port.slice(0, 15), '--', 'set', 'interface', port.slice(0, 15), `external_ids:iface-id=${port}`) // prettier-ignore
      return end
    },
  }
}
