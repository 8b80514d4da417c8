import type { OvnPlan } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { canonicalAddress } from '@powernode/policy'
import { isIP } from 'node:net'
import { isPort, UUID } from './patterns.ts'

/** What a northbound database is to become, every word of it one that we know. */
export type OvnChanges = {
  readonly deploymentId: string
  readonly endpoint: string
  readonly commands: readonly (readonly string[])[]
  readonly switches: readonly string[]
  /** <switch>/<port>. */
  readonly ports: readonly string[]
  /** <switch>/<direction>/<priority>/<match>. */
  readonly acls: readonly string[]
}

/** What says that a record is ours to change and to remove. */
export const MARK = 'powernode_ovn_deployment'

const NAME = /^(?![0-9a-f]{8}-)[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/
const MATCH = /^[A-Za-z0-9(!][A-Za-z0-9_ :./&|!=<>"(){},-]{0,4095}$/
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/
const DIRECTION = /^(from|to)-lport$/
const PRIORITY = /^(0|[1-9]\d{0,4})$/
const ACTION = /^(allow|allow-related|drop|reject)$/
const ROW = /^@acl\d{1,6}$/

/**
 * Reads a plan as the few commands that one may hold. Anything else throws: ovn-nbctl would run whatever it is given, on
 * everybody's switches.
 */
export function checkOvnPlan(plan: OvnPlan, endpoints: readonly string[]): OvnChanges {
  const { deploymentId, nbDbEndpoint: endpoint, desired } = plan
  if (!UUID.test(deploymentId)) throw new Error('the OVN deployment has no id')
  const allowed = endpoints.length > 0 ? endpoints.includes(endpoint) : isRemote(endpoint)
  if (!allowed) throw new Error(`not a northbound database that this node may write: ${JSON.stringify(endpoint.slice(0, 80))}`) // prettier-ignore
  if (!desired) throw new Error('the OVN plan does not say what has to be there')
  const { switches, ports, acls } = desired
  const places = new Set(switches)
  const own = new Set<string>()
  for (const each of ports) {
    const [on = '', port = '', ...rest] = each.split('/')
    if (!places.has(on) || !NAME.test(port) || rest.length > 0) throw new Error('an OVN port on no switch of ours')
    own.add(port)
  }
  const known: Known = { mark: `external_ids:${MARK}=${deploymentId}`, switches: places, ports: own }
  if (!switches.every((name) => NAME.test(name))) throw new Error('an OVN switch has a name that is none')
  for (const each of acls) {
    const [, on = '', direction = '', priority = '', match = ''] = /^([^/]*)\/([^/]*)\/([^/]*)\/(.*)$/s.exec(each) ?? []
    if (!isAcl(known, [on, direction, priority, match])) throw new Error('an OVN ACL is none')
  }
  const commands = plan.commands.map(({ args }) => args)
  const odd = commands.find((words) => !SHAPES.some((shape) => shape(words, known)))
  if (odd) throw new Error(`not a command that a plan may hold: ${JSON.stringify(odd.join(' ').slice(0, 80))}`)
  return { deploymentId, endpoint, commands, switches, ports, acls }
}

/** A plan by which everything of ours goes: whatever it would make is refused. */
export function checkOvnEnding(plan: OvnPlan, endpoints: readonly string[]): OvnChanges {
  const changes = checkOvnPlan(plan, endpoints)
  const { commands, switches, ports, acls } = changes
  if (commands.length + switches.length + ports.length + acls.length > 0)
    throw new Error('an OVN deployment that has ended wants something')
  return changes
}

type Known = { readonly mark: string; readonly switches: ReadonlySet<string>; readonly ports: ReadonlySet<string> }
type Shape = (words: readonly string[], known: Known) => boolean

/** One for each command. Names MUST be among those that the plan wants there. */
const SHAPES: readonly Shape[] = [
  ([flag, verb, name = '', ...rest], { switches }) =>
    flag === '--may-exist' && verb === 'ls-add' && switches.has(name) && rest.length === 0,
  ([verb, table, name = '', said, ...rest], { switches, ports, mark }) =>
    verb === 'set' && isOneOf(table, name, { switches, ports }) && said === mark && rest.length === 0,
  ([flag, verb, on = '', port = '', ...rest], { switches, ports }) =>
    flag === '--may-exist' && verb === 'lsp-add' && switches.has(on) && ports.has(port) && rest.length === 0,
  ([verb, port = '', type, ...rest], { ports }) =>
    verb === 'lsp-set-type' && ports.has(port) && type === 'localnet' && rest.length === 0,
  ([verb, port = '', option = '', ...rest], { ports, switches }) =>
    verb === 'lsp-set-options' &&
    ports.has(port) &&
    option.startsWith('network_name=') &&
    switches.has(option.slice('network_name='.length)) &&
    rest.length === 0,
  ([verb, port = '', at = '', ...rest], { ports }) =>
    (verb === 'lsp-set-addresses' || verb === 'lsp-set-port-security') &&
    ports.has(port) &&
    (isPlace(at) || (at === 'unknown' && verb === 'lsp-set-addresses')) &&
    rest.length === 0,
  ([verb, ...acl], known) => verb === 'acl-del' && acl.length === 4 && isAcl(known, acl),
  ([id = '', verb, table, ...columns], { mark }) => {
    const [direction = '', priority = '', match = '', action = '', name = '', said, ...rest] = columns
    const column = (text: string, key: string): string => (text.startsWith(`${key}=`) ? text.slice(key.length + 1) : '')
    return (
      id.startsWith('--id=') &&
      ROW.test(id.slice('--id='.length)) &&
      verb === 'create' &&
      table === 'ACL' &&
      DIRECTION.test(column(direction, 'direction')) &&
      PRIORITY.test(column(priority, 'priority')) &&
      isQuotedMatch(column(match, 'match')) &&
      ACTION.test(column(action, 'action')) &&
      NAME.test(column(name, 'name')) &&
      said === mark &&
      rest.length === 0
    )
  },
  ([verb, table, on = '', column, row = '', ...rest], { switches }) =>
    verb === 'add' &&
    table === 'Logical_Switch' &&
    switches.has(on) &&
    column === 'acls' &&
    ROW.test(row) &&
    rest.length === 0,
]

const isOneOf = (table: string | undefined, name: string, { switches, ports }: Omit<Known, 'mark'>): boolean =>
  (table === 'Logical_Switch' && switches.has(name)) || (table === 'Logical_Switch_Port' && ports.has(name))

const isAcl = ({ switches }: Known, [on = '', direction = '', priority = '', match = '']: readonly string[]): boolean =>
  switches.has(on) && DIRECTION.test(direction) && PRIORITY.test(priority) && MATCH.test(match)

/** A match as a string of ovsdb: JSON, which MUST say nothing but itself. */
function isQuotedMatch(text: string): boolean {
  const inner = text.slice(1, -1).replaceAll('\\"', '"')
  return JSON.stringify(inner) === text && MATCH.test(inner)
}

/** A MAC address and the addresses that go with it. */
function isPlace(text: string): boolean {
  const [mac = '', ...addresses] = text.split(' ')
  return MAC.test(mac) && addresses.every((address) => canonicalAddress(address) === address)
}

function isRemote(endpoint: string): boolean {
  const [, v6, v4 = '', port = ''] = /^(?:tcp|ssl):(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(endpoint) ?? []
  return (v6 === undefined ? isIP(v4) === 4 : isIP(v6) === 6) && isPort(Number(port))
}
