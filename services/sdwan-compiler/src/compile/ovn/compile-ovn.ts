import type { OvnEnding, OvnPlan, Problem } from '../../plan.ts'
import type { OvnAcl, OvnDeployment, OvnPort, OvnSwitch } from '../../world.ts'
import { isAddress, isId } from '../alphabets.ts'
import { DISCOVERY, DISCOVERY_PRIORITY, matchText } from './match.ts'
import { isEndpoint, isMac, isName } from './text.ts'

/**
 * The northbound database of one deployment: commands of ovn-nbctl for one transaction, and what has to be there afterwards.
 *
 * Carried out twice, the commands leave what they left the first time: an ACL is taken away and made anew, because one that is there
 * keeps its old action. Every record bears `external_ids:powernode_ovn_deployment`. The commands remove nothing else: whoever applies
 * them MUST put the removal of what bears our mark and is not in `desired` before them, in the same transaction (a port that
 * changed its switch cannot be added while it is on the other). Sorted by name, ACLs by priority downwards, then by name.
 */
export function compileOvn(deployment: OvnDeployment): {
  readonly plan: OvnPlan | undefined
  readonly problems: readonly Problem[]
} {
  const problems: Problem[] = []
  if (!isId(deployment.id) || !isEndpoint(deployment.nbEndpoint)) {
    problems.push(
      fatal('OVN_ENDPOINT_UNREADABLE', `ovn_deployment/${deployment.id}`, 'its northbound endpoint is none'),
    )
    return { plan: undefined, problems }
  }
  const usable = usableParts(deployment, problems)
  const mark = `external_ids:powernode_ovn_deployment=${deployment.id}`
  const parts = usable.map((each) => compileSwitch(each, mark, problems))
  const plan: OvnPlan = {
    deploymentId: deployment.id,
    nbEndpoint: deployment.nbEndpoint,
    commands: [
      ...usable.flatMap(({ name }) => [
        ['--may-exist', 'ls-add', name],
        ['set', 'Logical_Switch', name, mark],
      ]),
      ...parts.flatMap(({ ports }) => ports),
      ...parts.flatMap(({ acls }) => acls).flatMap(aclCommands),
    ],
    desired: {
      switches: usable.map(({ name }) => name),
      ports: usable.flatMap(({ name, ports }) => ports.map((port) => `${name}/${port.name}`)),
      acls: parts.flatMap(({ acls }) =>
        acls.map(({ on, direction, priority, match }) => `${on}/${direction}/${priority}/${match}`),
      ),
    },
  }
  return { plan, problems }
}

/** A deployment that ended at a node. */
export type EndedDeployment = OvnDeployment & { readonly nodeId: string; readonly ending: number }

export const isEnding = (deployment: OvnDeployment): deployment is EndedDeployment =>
  deployment.ending !== undefined && deployment.nodeId !== undefined

/**
 * A deployment that ended here: whoever applies it finds nothing wanted, and so takes away all that bears its mark. That it is
 * still to be done is said until it is.
 */
export function compileEnding(ended: EndedDeployment): { readonly plan: OvnEnding; readonly problem: Problem } {
  const { id, nodeId, nbEndpoint, ending } = ended
  const desired = { switches: [], ports: [], acls: [] }
  return {
    plan: { deploymentId: id, nbEndpoint, commands: [], desired, generation: ending },
    problem: {
      fatal: false,
      code: 'OVN_ENDING',
      record: `ovn_deployment/${id}`,
      message: `it has ended, and node ${nodeId} has still to take its records out of ${nbEndpoint}`,
    },
  }
}

const byName = <T extends { readonly name: string }>(one: T, other: T): number => compareText(one.name, other.name)
const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const fatal = (code: string, record: string, message: string): Problem => ({ fatal: true, code, record, message })

/**
 * Switches and ports whose values can be written, sorted. A port's name is one for the whole database: of two ports with one name
 * none could be told from the other.
 */
function usableParts({ switches }: OvnDeployment, problems: Problem[]): OvnSwitch[] {
  const names = new Set<string>()
  const once = (name: string): boolean => !names.has(name) && names.add(name) !== undefined
  return switches
    .filter((each) => (isName(each.name) && once(`switch ${each.name}`) ? true : refuse('ovn_switch', each.id)))
    .map((each) => ({
      ...each,
      ports: each.ports
        .filter((port) => (isPort(port) && once(`port ${port.name}`) ? true : refuse('ovn_port', port.id)))
        .toSorted(byName),
    }))
    .toSorted(byName)

  function refuse(kind: string, id: string): false {
    problems.push(
      fatal('OVN_NAME_REFUSED', `${kind}/${id}`, 'its name or addresses cannot be written, or its name is taken'),
    )
    return false
  }
}

const isPort = (port: OvnPort): boolean => isName(port.name) && isMac(port.mac) && port.addresses.every(isAddress)

type AclText = Pick<OvnAcl, 'direction' | 'priority' | 'action' | 'name'> & {
  readonly on: string
  readonly match: string
  readonly mark: string
}

function compileSwitch(its: OvnSwitch, mark: string, problems: Problem[]): { ports: string[][]; acls: AclText[] } {
  const ports = new Map(its.ports.map((port) => [port.id, port]))
  const acls = its.acls.flatMap((acl): AclText[] => {
    const match = matchText(acl, ports)
    const unwritable = isAcl(acl) ? undefined : 'its name, direction, action or priority is none'
    const why = 'nothing' in match ? match.nothing : unwritable
    if (why !== undefined || 'nothing' in match) {
      problems.push(fatal('ACL_VANISHES', `ovn_acl/${acl.id}`, `the ACL would match nothing: ${why}`))
      return []
    }
    const { direction, priority, action, name } = acl
    return [{ on: its.name, direction, priority, action, name, match: match.text, mark }]
  })
  tellTwins(its, problems)
  const discovery = DIRECTIONS.map((direction): AclText => {
    const name = `discovery-${direction}`
    return { on: its.name, direction, priority: DISCOVERY_PRIORITY, action: 'allow', name, match: DISCOVERY, mark }
  })
  const downwards = [...(acls.length > 0 ? discovery : []), ...acls].toSorted(
    (one, other) => other.priority - one.priority || byName(one, other) || compareText(one.direction, other.direction),
  )
  return { ports: its.ports.flatMap((port) => portCommands(its.name, port, mark)), acls: downwards }
}

const DIRECTIONS = ['from-lport', 'to-lport'] as const

const ACTIONS = ['allow', 'allow-related', 'drop', 'reject'] as const

function isAcl({ name, direction, action, priority }: OvnAcl): boolean {
  const within = Number.isInteger(priority) && priority >= 0 && priority < DISCOVERY_PRIORITY
  return isName(name) && DIRECTIONS.includes(direction) && ACTIONS.includes(action) && within
}

/** Which of two ACLs with one priority decides is nowhere said: OVN takes either. */
function tellTwins(its: OvnSwitch, problems: Problem[]): void {
  const places = new Set<string>()
  for (const { id, direction, priority } of its.acls) {
    const place = `${direction}/${priority}`
    if (places.has(place)) {
      problems.push(
        fatal('OVN_PRIORITY_TWICE', `ovn_acl/${id}`, `another ACL of ${direction} has the priority ${priority}`),
      )
    }
    places.add(place)
  }
}

/** An external port is a localnet port: its frames go to the physical network that the chassis maps under the switch's name. */
function portCommands(on: string, port: OvnPort, mark: string): string[][] {
  const { name } = port
  const at = [port.mac, ...port.addresses].join(' ')
  const kind =
    port.kind === 'external'
      ? [
          ['lsp-set-type', name, 'localnet'],
          ['lsp-set-options', name, `network_name=${on}`],
          ['lsp-set-addresses', name, 'unknown'],
        ]
      : [
          ['lsp-set-addresses', name, at],
          ['lsp-set-port-security', name, at],
        ]
  return [['--may-exist', 'lsp-add', on, name], ...kind, ['set', 'Logical_Switch_Port', name, mark]]
}

function aclCommands({ on, direction, priority, match, action, name, mark }: AclText, index: number): string[][] {
  const at = `@acl${index}`
  const columns = [
    `direction=${direction}`,
    `priority=${priority}`,
    `match=${JSON.stringify(match)}`,
    `action=${action}`,
  ]
  return [
    ['acl-del', on, direction, String(priority), match],
    [`--id=${at}`, 'create', 'ACL', ...columns, `name=${name}`, mark],
    ['add', 'Logical_Switch', on, 'acls', at],
  ]
}
