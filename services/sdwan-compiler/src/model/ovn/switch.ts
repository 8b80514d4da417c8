import type { Ip } from '../address.ts'
import { mustIp } from '../address.ts'
import type { OvnPlan } from '../../plan.ts'
import { type Test, readMatch } from './expression.ts'

/** One frame on a logical switch. */
export type Frame = {
  readonly inport: string
  readonly outport: string
  readonly mac: string
  readonly src: Ip
  readonly dst: Ip
  readonly kind: 'tcp' | 'udp' | 'icmp' | 'arp' | 'nd' | 'router discovery'
  readonly dport: number
}

export type SwitchAcl = {
  readonly name: string
  readonly direction: string
  readonly priority: number
  readonly action: string
  readonly match: string
  readonly test: Test
}

export type SwitchPort = {
  readonly name: string
  readonly type: string
  readonly mac: string
  readonly addresses: readonly string[]
  /** Empty: it may speak as anybody. */
  readonly security: readonly string[]
}

export type LogicalSwitch = {
  readonly name: string
  readonly ports: ReadonlyMap<string, SwitchPort>
  readonly acls: readonly SwitchAcl[]
}

type Draft = { name: string; ports: Map<string, SwitchPort>; acls: SwitchAcl[]; mark: string | undefined }

const MARK = 'external_ids:powernode_ovn_deployment='

/** The northbound database after the commands of a plan, on an empty one. A command that it does not know is an error. */
export function readSwitches(plan: OvnPlan): ReadonlyMap<string, LogicalSwitch> {
  const switches = new Map<string, Draft>()
  const fresh = new Map<string, SwitchAcl>()
  for (const command of plan.commands) carryOut(command, { plan, switches, fresh })
  for (const { name, mark } of switches.values()) {
    if (mark !== plan.deploymentId) throw new Error(`ovn: the switch ${name} does not bear our mark`)
  }
  return switches
}

type State = { plan: OvnPlan; switches: Map<string, Draft>; fresh: Map<string, SwitchAcl> }

function carryOut(command: readonly string[], { plan, switches, fresh }: State): void {
  const [option = '', ...others] = command
  const args = option.startsWith('--') ? others : command
  const [verb = '', first = '', second = '', third = '', fourth = ''] = args
  const its = (name: string): Draft => {
    const found = switches.get(name)
    if (!found) throw new Error(`ovn: there is no switch ${name}`)
    return found
  }
  switch (verb) {
    case 'ls-add':
      if (!switches.has(first)) switches.set(first, { name: first, ports: new Map(), acls: [], mark: undefined })
      return
    case 'lsp-add':
      its(first).ports.set(second, { name: second, type: '', mac: '', addresses: [], security: [] })
      return
    case 'lsp-set-type':
      change(switches, first, () => ({ type: second }))
      return
    case 'lsp-set-options':
      change(switches, first, () => ({}))
      return
    case 'lsp-set-addresses': {
      const [mac = '', ...addresses] = second.split(' ')
      change(switches, first, () => ({ mac, addresses }))
      return
    }
    case 'lsp-set-port-security':
      change(switches, first, () => ({ security: second.split(' ') }))
      return
    case 'acl-del': {
      const acls = its(first).acls
      its(first).acls = acls.filter(
        (acl) => acl.direction !== second || String(acl.priority) !== third || acl.match !== fourth,
      )
      return
    }
    case 'set':
      if (third !== `${MARK}${plan.deploymentId}`) throw new Error(`ovn: unknown column ${third}`)
      if (first === 'Logical_Switch') its(second).mark = plan.deploymentId
      else if (first !== 'Logical_Switch_Port') throw new Error(`ovn: unknown table ${first}`)
      return
    case 'create':
      fresh.set(option.replace('--id=', ''), readAcl(args.slice(2)))
      return
    case 'add': {
      const acl = fresh.get(fourth)
      if (first !== 'Logical_Switch' || third !== 'acls' || !acl) throw new Error(`ovn: unknown: ${command.join(' ')}`)
      its(second).acls.push(acl)
      return
    }
    default:
      throw new Error(`ovn: unknown command ${verb}`)
  }
}

function change(switches: ReadonlyMap<string, Draft>, port: string, to: () => Partial<SwitchPort>): void {
  const on = [...switches.values()].find(({ ports }) => ports.has(port))
  const before = on?.ports.get(port)
  if (!on || !before) throw new Error(`ovn: there is no port ${port}`)
  on.ports.set(port, { ...before, ...to() })
}

function readAcl(columns: readonly string[]): SwitchAcl {
  const of = new Map(
    columns.map((column) => [column.slice(0, column.indexOf('=')), column.slice(column.indexOf('=') + 1)]),
  )
  const match: unknown = JSON.parse(of.get('match') ?? 'null')
  const [direction = '', action = ''] = [of.get('direction'), of.get('action')]
  if (typeof match !== 'string') throw new Error('ovn: an ACL without a match')
  if (!['from-lport', 'to-lport'].includes(direction)) throw new Error(`ovn: unknown direction ${direction}`)
  if (!['allow', 'allow-related', 'drop', 'reject'].includes(action)) throw new Error(`ovn: unknown action ${action}`)
  return {
    name: of.get('name') ?? '',
    direction,
    action,
    match,
    priority: Number(of.get('priority')),
    test: readMatch(match),
  }
}

/** The address of a port, in the family that is asked for. */
export function addressOf(port: SwitchPort, family: 4 | 6): Ip | undefined {
  return port.addresses.map(mustIp).find((ip) => ip.family === family)
}
