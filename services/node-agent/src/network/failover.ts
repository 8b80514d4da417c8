import type { Clock } from '@powernode/clock'
import type { Counter, Logger } from '@powernode/process'
import type { Machine } from './apply/machine.ts'
import type { NodeNetwork } from './apply/node-network.ts'
import { moveAllowedIps, showInterface, type Moves } from './back-ends/wireguard.ts'
import type { Standby, Tunnel } from './checked/check-state.ts'
import { Heard } from './heard.ts'

export type FailoverDeps = {
  readonly network: NodeNetwork
  readonly machine: Machine
  readonly standbys: Standbys
  readonly clock: Clock
  readonly logger: Logger
  readonly moved: Counter
  /** How long a peer that is asked for signs of life may be silent. */
  readonly afterMs: number
  readonly tell: () => void
}

/** A peer that is not asked is heard of with its keepalive, every 25 s; this is two of them missed and a little. */
const UNASKED_AFTER_MS = 70_000
const LOOK_EVERY_MS = 5_000
/** So many peers are asked; on a node with more, the rest is told by its keepalives. */
const ASKED_MAX = 32

/** Which prefixes are carried by whom at the moment, on this node: the first of each group who is heard of. */
export class Standbys {
  readonly #moves = new Map<string, ReadonlyMap<string, string>>()

  /** As far as the tunnel still has those peers: a new version may know them no more. */
  movesOf({ name, standby }: Tunnel): Moves {
    const moves = this.#moves.get(name)
    if (!moves) return new Map()
    return new Map(
      standby.flatMap(({ prefixes, peers }) =>
        prefixes.flatMap((prefix) => {
          const to = moves.get(prefix)
          const isPeer =
            to !== undefined && to !== peers[0]?.publicKey && peers.some(({ publicKey }) => publicKey === to)
          return isPeer ? [[prefix, to] as const] : []
        }),
      ),
    )
  }

  set(name: string, moves: Moves): void {
    this.#moves.set(name, moves)
  }
}

/** Looks at the peers that others stand by for, and has prefixes go with whoever is there. */
export async function failOver(deps: FailoverDeps, signal: AbortSignal): Promise<void> {
  const heard = new Map<string, Heard>()
  const { clock, logger } = deps
  while (!signal.aborted) {
    for (const tunnel of deps.network.current.interfaces.filter(({ standby }) => standby.length > 0)) {
      const mine = heard.get(tunnel.name) ?? new Heard(clock.now())
      heard.set(tunnel.name, mine)
      try {
        await ask(deps, tunnel)
        await deps.network.inTurn(() => lookAt(deps, { tunnel, heard: mine }))
      } catch (error) {
        logger.warn({ task: 'failover', error }, 'peers of a tunnel could not be looked at')
      }
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/**
 * Sends an echo request to each: whoever lives answers, or acknowledges that it was received (a passive keepalive, WireGuard
 * paper §6.5), so that silence means something. Whether the echo itself is let through does not matter.
 */
async function ask({ machine, network }: FailoverDeps, tunnel: Tunnel): Promise<void> {
  const { tools } = machine.roomOf(network.current, tunnel)
  await Promise.all(
    askedOf(tunnel).map(({ address }) =>
      tools.run('ping', ['-n', '-q', '-c', '1', '-W', '1', '-I', tunnel.name, address]),
    ),
  )
}

function askedOf({ standby }: Tunnel): Standby['peers'][number][] {
  const all = new Map(standby.flatMap(({ peers }) => peers.map((peer) => [peer.publicKey, peer])))
  const first = new Set(standby.map(({ peers }) => peers[0]?.publicKey))
  return [...all.values()].toSorted((one, other) => Number(first.has(other.publicKey)) - Number(first.has(one.publicKey))).slice(0, ASKED_MAX) // prettier-ignore
}

type Look = { readonly tunnel: Tunnel; readonly heard: Heard }

async function lookAt(deps: FailoverDeps, { tunnel, heard }: Look): Promise<void> {
  const { machine, network, clock, standbys, logger, moved, tell, afterMs } = deps
  if (!network.current.interfaces.includes(tunnel)) return // another version came meanwhile
  const now = clock.now()
  const { tools } = machine.roomOf(network.current, tunnel)
  heard.note(await showInterface(tools, tunnel.name), now)
  const asked = new Set(askedOf(tunnel).map(({ publicKey }) => publicKey))
  const within = (key: string): number => (asked.has(key) ? afterMs : UNASKED_AFTER_MS)
  const isFresh = (key: string): boolean => heard.isFresh(key, now, within(key))
  const before = standbys.movesOf(tunnel)
  const after = new Map<string, string>()
  const touched = new Set<string>()
  for (const { publicKey } of tunnel.standby.flatMap(({ peers }) => peers))
    if (!isFresh(publicKey)) heard.gone(publicKey, now)
  for (const group of tunnel.standby) {
    const carries = before.get(group.prefixes[0] ?? '') ?? group.peers[0]?.publicKey
    const next = chosenOf(group, { carries, isFresh, isBack: (key) => heard.isBack(key, now, within(key)) })
    if (next !== group.peers[0]?.publicKey && next !== undefined)
      for (const prefix of group.prefixes) after.set(prefix, next)
    if (next === carries) continue
    for (const key of [carries, next]) if (key !== undefined) touched.add(key)
  }
  if (touched.size === 0) return
  await moveAllowedIps(tools, tunnel, after, touched)
  standbys.set(tunnel.name, after)
  moved.inc()
  logger.warn(
    { kind: tunnel.name, count: after.size },
    'prefixes go with other peers: the one before was not heard of, or is back',
  )
  tell()
}

type Choice = {
  readonly carries: string | undefined
  readonly isFresh: (key: string) => boolean
  /** Fresh, and for long enough that it will not be gone again at once. */
  readonly isBack: (key: string) => boolean
}

/** The first who is there. Nobody there: whoever carries goes on, since moving would not help. */
export function chosenOf({ peers }: Standby, { carries, isFresh, isBack }: Choice): string | undefined {
  const keys = peers.map(({ publicKey }) => publicKey)
  const at = keys.indexOf(carries ?? '')
  const better = keys.slice(0, Math.max(at, 0)).find(isBack)
  if (better !== undefined) return better
  if (carries !== undefined && at >= 0 && isFresh(carries)) return carries
  return keys.find(isFresh) ?? carries ?? keys[0]
}
