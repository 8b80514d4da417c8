import type { CheckedState } from '../checked/check-state.ts'
import { interfacesByNetwork, judgeOf, narrowedBy, speaksOf, zonesByNetwork, type Connection, type Spoken } from '../checked/firewall-change.ts' // prettier-ignore
import { Places } from '../checked/places.ts'
import { withFile, type Tools } from '../tools.ts'

/**
 * What a connection bears whose rule has gone: the firewall lets pass what belongs to connections, but not to these (the compiler writes
 * so in every chain). To take them out of the kernel's table would not do: of TCP it follows a connection from any packet on
 * (nf_conntrack_tcp_loose), from an answer too, which would be a new one to it.
 */
const GONE_MARK = 0x50_47_44_00

type Tracked = Connection & {
  readonly mark: number
  /** 0: where all are that were not told another. */
  readonly zone: number
  readonly key: string
  /** The answer's half of it. */
  readonly back: string
}

type Change = { readonly before: string; readonly after: string; readonly within: ReadonlyMap<string, Places> }

/** A firewall that held once, and what went through the tunnels of each of its networks then. */
export type Former = {
  readonly nftables: string
  readonly prefixes: Readonly<Record<string, readonly string[]>>
}

/** Of each network everything that goes through its tunnels, and the addresses at our end: other connections are never looked at. */
export function formerOf({ nftables, interfaces }: Pick<CheckedState, 'nftables' | 'interfaces'>): Former {
  const prefixes = new Map(interfaces.map(({ name, addresses, peers }) => [name, [...addresses, ...peers.flatMap(({ allowedIps }) => allowedIps)]])) // prettier-ignore
  const networks = [...interfacesByNetwork(nftables)].map(
    ([network, names]) => [network, [...names].flatMap((name) => prefixes.get(name) ?? [])] as const,
  )
  return { nftables, prefixes: Object.fromEntries(networks) }
}

/** Connections end whose rule has gone since one firewall or another held, in all of these rooms. Done twice, it is done once. */
export async function endGoneConnections(
  rooms: readonly Tools[],
  formers: readonly Former[],
  wanted: Parameters<typeof formerOf>[0],
): Promise<void> {
  const is = formerOf(wanted)
  for (const former of formers) {
    const change = { before: former.nftables, after: is.nftables, within: placesOf(former, is) }
    for (const room of rooms) await endConnections(room, change)
  }
}

function placesOf(...formers: readonly Former[]): ReadonlyMap<string, Places> {
  const networks = new Set(formers.flatMap(({ prefixes }) => Object.keys(prefixes)))
  return new Map([...networks].map((network) => [network, new Places(formers.flatMap(({ prefixes }) => prefixes[network] ?? []))])) // prettier-ignore
}

/**
 * Marks the connections that the new firewall would not let begin, and forgets those marked ones that it would: they are judged as if they
 * began. One that goes from one network to another needs both.
 */
async function endConnections(tools: Tools, { before, after, within }: Change): Promise<void> {
  const closed = narrowedBy(before, after)
  const opened = narrowedBy(after, before)
  if (closed.length === 0 && opened.length === 0) return
  const isLet = judgeOf(after)
  const zones = [zonesByNetwork(before), zonesByNetwork(after)]
  const isIn = (network: string, zone: number): boolean => zone === 0 || zones.some((its) => its.get(network) === zone)
  const networksOf = ({ src, dst, zone }: Tracked): readonly string[] =>
    [...within].flatMap(([network, its]) => (isIn(network, zone) && (its.hold(src) || its.hold(dst)) ? [network] : []))
  const tracked = (await trackedBy(tools))
    .map((each) => ({ ...each, networks: networksOf(each) }))
    .filter(({ networks }) => networks.length > 0)
  type Placed = (typeof tracked)[number]
  const about = (spoken: readonly Spoken[], each: Placed): readonly Spoken[] =>
    spoken.filter((one) => (one.network === undefined || each.networks.includes(one.network)) && speaksOf(one, each))
  const gone = tracked.filter((each) => each.mark !== GONE_MARK && about(closed, each).some((one) => !isLet(one, each)))
  const isLetByAll = (each: Placed): boolean =>
    each.networks.every((network) => isLet({ stage: 'leave', network }, each) && isLet({ stage: 'arrive', network }, each)) // prettier-ignore
  const back = tracked.filter((each) => each.mark === GONE_MARK && about(opened, each).length > 0 && isLetByAll(each))
  const lines = [...gone.flatMap(marked), ...back.map((each) => `-D ${keyOf(each)} --mark ${GONE_MARK}`)]
  if (lines.length > 0) await withFile(`${lines.join('\n')}\n`, (path) => tools.must('conntrack', ['-R', path]))
}

const keyOf = ({ key, zone }: Tracked): string => (zone === 0 ? key : `-w ${zone} ${key}`)

/**
 * conntrack(8) changes nothing in another zone than 0: there it is taken out, and put back with the mark. What has no ports is
 * not: an answer to an echo begins nothing.
 */
function marked(each: Tracked): readonly string[] {
  if (each.zone === 0) return [`-U ${each.key} --mark ${GONE_MARK}`]
  const gone = `-D ${keyOf(each)}`
  if (each.back === '') return [gone]
  const state = each.protocol === 'tcp' ? ' --state ESTABLISHED' : ''
  // Of which family it is, addresses say to -I.
  const key = each.key.replace(/^-f ipv[46] /, '')
  return [gone, `-I -w ${each.zone} ${key} ${each.back}${state} --timeout ${GONE_SECONDS} --mark ${GONE_MARK}`]
}

/** So long is remembered what has been put back and nobody uses: longer than programs try again. */
const GONE_SECONDS = 86_400

async function trackedBy(tools: Tools): Promise<readonly Tracked[]> {
  const found: Tracked[] = []
  for (const family of ['ipv4', 'ipv6']) {
    const listed = await tools.must('conntrack', ['-L', '-f', family])
    found.push(...listed.split('\n').flatMap((line) => readTracked(line, family) ?? []))
  }
  return found
}

/** `tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] mark=0 use=1`: asked, then answered. */
function readTracked(line: string, family: string): Tracked | undefined {
  const protocol = line.split(' ', 1)[0] ?? ''
  const all = (name: string): string[] =>
    [...line.matchAll(new RegExp(`(?<= )${name}=(\\S+)`, 'g'))].map(([, value = '']) => value)
  const [src, from] = all('src')
  const [dst, to = ''] = all('dst')
  const [sport, back] = all('sport')
  const [dport, home = ''] = all('dport')
  if (!/^[a-z0-9]+$/.test(protocol) || src === undefined || dst === undefined) return undefined
  const ports = sport === undefined || dport === undefined ? '' : ` --sport ${sport} --dport ${dport}`
  return {
    src,
    dst: from ?? dst,
    protocol,
    dport: Number(back ?? dport ?? 0),
    mappedFrom: from !== undefined && from !== dst ? Number(dport ?? 0) : undefined,
    mark: Number(all('mark')[0] ?? 0),
    zone: Number(all('zone')[0] ?? 0),
    back: back === undefined ? '' : `-r ${from} -q ${to} --reply-port-src ${back} --reply-port-dst ${home}`,
    key: `-f ${family} -p ${protocol} -s ${src} -d ${dst}${ports}`,
  }
}
