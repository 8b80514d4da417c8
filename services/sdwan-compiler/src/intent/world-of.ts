import { asNumberOf } from '../allocate/numbers.ts'
import type { Crossing, Network, OvnDeployment, RoutePolicy, World } from '../world.ts'
import type { Intent, Shelf } from './intent.ts'
import type { Kind, RecordOf } from './records.ts'
import { leak, mapping, member, network, policy, rule, test, virtualIp, vrf } from './as-world.ts'
import { deploymentsOf } from './ovn-world.ts'

type Around = {
  readonly trustDomain: string
  readonly crossings: readonly Crossing[]
  readonly endings: readonly OvnDeployment[]
}

/**
 * What is compiled, out of everything that is wanted. A record that is the same stays the same object in every World made of
 * it, and so does a list: whoever compiles anew sees at once what has changed.
 */
export function worldOf(intent: Intent, { trustDomain, crossings, endings }: Around): World {
  // prettier-ignore
  const networks = listOf('network', intent.network, { only: isCompiled, as: network })
  const live = liveOf(networks)
  const members = within(listOf('member', intent.member, { only: always, as: member }), live)
  const memberIds = idsOf(members)
  const [bgp] = intent.account_bgp.values()
  return {
    platform: {
      trustDomain,
      bgp: {
        enabled: bgp ? !bgp.disabled : true,
        asNumber: bgp?.asNumber ?? asNumberOf(trustDomain),
        routerIdStrategy: bgp?.routerIdStrategy ?? 'member_address_hash',
        defaultLocalPref: bgp?.defaultLocalPref ?? 100,
        defaultRoutePolicyId: bgp?.defaultRoutePolicyId ?? undefined,
      },
    },
    networks,
    members,
    rules: within(listOf('firewall_rule', intent.firewall_rule, { only: isOn, as: rule }), live),
    portMappings: among(listOf('port_mapping', intent.port_mapping, { only: isOn, as: mapping }), memberIds),
    virtualIps: within(listOf('virtual_ip', intent.virtual_ip, { only: always, as: virtualIp }), live),
    routePolicies: scoped(listOf('route_policy', intent.route_policy, { only: isOn, as: policy }), live, memberIds),
    routeLeaks: leaking(listOf('route_leak', intent.route_leak, { only: isLeaking, as: leak }), live),
    vrfs: within(listOf('vrf_assignment', intent.vrf_assignment, { only: isCarried, as: vrf }), live),
    ovn: withEndings(deploymentsOf(intent), endings),
    crossings: within(crossings, live),
    tests: listOf('test', intent.test, { only: always, as: test }),
  }
}

const withEndings = (placed: World['ovn'], endings: World['ovn']): World['ovn'] =>
  endings.length === 0 ? placed : [...placed, ...endings]

const always = (): boolean => true
const isOn = ({ disabled }: { readonly disabled: boolean }): boolean => !disabled
const isCompiled = ({ status }: RecordOf<'network'>): boolean => status === 'registered' || status === 'active'
const isLeaking = ({ state }: RecordOf<'route_leak'>): boolean => state === 'active'
const isCarried = ({ state }: RecordOf<'vrf_assignment'>): boolean => state === 'active' || state === 'draining'

/** Made once for each record, and once for each shelf. */
const records = new WeakMap<object, unknown>()
const shelves = new WeakMap<object, readonly unknown[]>()

type Made<K extends Kind, Out> = {
  readonly only: (record: RecordOf<K>) => boolean
  readonly as: (record: RecordOf<K>) => Out
}

// oxlint-disable-next-line max-params -- which, what of it, and what becomes of it
function listOf<K extends Kind, Out>(_kind: K, shelf: Shelf<K>, { only, as }: Made<K, Out>): readonly Out[] {
  const known = shelves.get(shelf)
  if (known) return known as readonly Out[] // by the one caller of this shelf
  const list = [...shelf.values()].filter(only).map((record) => {
    const made = records.get(record) ?? as(record)
    records.set(record, made)
    return made as Out // as above
  })
  shelves.set(shelf, list)
  return list
}

/** Lists that are filtered by another list, kept for as long as both are the same. */
const narrowed = new WeakMap<object, WeakMap<object, readonly unknown[]>>()

function narrow<Out>(list: readonly Out[], by: object, keep: (one: Out) => boolean): readonly Out[] {
  const known = narrowed.get(list) ?? new WeakMap<object, readonly unknown[]>()
  narrowed.set(list, known)
  const before = known.get(by)
  if (before) return before as readonly Out[] // made below
  const now = list.every(keep) ? list : list.filter(keep)
  known.set(by, now)
  return now
}

const sets = new WeakMap<object, ReadonlySet<string>>()

function idsOf(list: readonly { readonly id: string }[]): ReadonlySet<string> {
  const ids = sets.get(list) ?? new Set(list.map(({ id }) => id))
  sets.set(list, ids)
  return ids
}

const liveOf = (networks: readonly Network[]): ReadonlySet<string> => idsOf(networks)

const within = <Out extends { readonly networkId: string }>(list: readonly Out[], live: ReadonlySet<string>) =>
  narrow(list, live, ({ networkId }) => live.has(networkId))

const among = <Out extends { readonly memberId: string }>(list: readonly Out[], ids: ReadonlySet<string>) =>
  narrow(list, ids, ({ memberId }) => ids.has(memberId))

const leaking = <Out extends { readonly sourceNetworkId: string; readonly destNetworkId: string }>(
  list: readonly Out[],
  live: ReadonlySet<string>,
) =>
  // prettier-ignore
  narrow(list, live, ({ sourceNetworkId, destNetworkId }) => live.has(sourceNetworkId) && live.has(destNetworkId))

const scoped = (list: readonly RoutePolicy[], live: ReadonlySet<string>, members: ReadonlySet<string>) =>
  narrow(list, members, ({ scope }) => scope.kind === 'account' || (scope.kind === 'network' ? live : members).has(scope.id)) // prettier-ignore
