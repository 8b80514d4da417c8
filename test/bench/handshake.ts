import { invite, TestPlatform } from '../mesh.ts'
import { measureBareHandshake } from './bare-handshake.ts'
import { hears, type Hears } from './hears.ts'
import { memoryOf } from './memory.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const HANDSHAKES = 100
/** Nothing is warm before the first few, and the hundredth operator does not wait for a compiler. */
const WARM_UP = 5
/** The timers of a real platform: nothing here may live from beating fast. */
const TIMERS = { HEARTBEAT_INTERVAL: '60s', STALE_AFTER: '5m' }

/**
 * From the operator's accept until the feeds of both sides say active, between two whole platforms, each service its
 * own process. The limit is the same work by nothing but TLS and Postgres (bare-handshake.ts).
 */
export async function run(): Promise<Report> {
  const options = { processes: true, throughToDisk: true, registry: TIMERS }
  const [a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', options)])
  const watching = new AbortController()
  try {
    const [onA, onB] = await Promise.all([hears(a, watching.signal), hears(b, watching.signal)])
    const once = () => handshake({ platform: a, hears: onA }, { platform: b, hears: onB })
    for (let at = 0; at < WARM_UP; at++) await once()
    const before = memoryOf(a)
    const times: number[] = []
    for (let at = 1; at <= HANDSHAKES; at++) {
      times.push(await once())
      if (at % 20 === 0)
        say(`${at} handshakes: p50 ${median(times).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms`)
    }
    const memory = { warm: before, after: memoryOf(a) }
    const bare = await measureBareHandshake()
    say(`bare: ${bare.parts}: ${bare.ms.toFixed(1)} ms`)
    return {
      bench: 'handshake',
      unit: 'ms',
      ours: rounded(median(times)),
      limit: rounded(bare.ms),
      ratio: rounded(median(times) / bare.ms),
      p50_ms: rounded(quantile(times, 0.5)),
      p99_ms: rounded(quantile(times, 0.99)),
      max_ms: rounded(Math.max(...times)),
      limit_is: bare.parts,
      memory_mib: memory,
      runs: times.map((ms) => rounded(ms, 0)),
    }
  } finally {
    watching.abort()
    await Promise.all([a.stop(), b.stop()])
  }
}

type Side = { readonly platform: TestPlatform; readonly hears: Hears }

/** One handshake, and its end, so that the next one meets no peer. */
async function handshake(a: Side, b: Side): Promise<number> {
  const { onA, invitation } = await invite(a.platform)
  const begun = performance.now()
  const { peer } = await b.platform.peers.acceptInvitation({ invitation })
  const onB = peer?.id ?? ''
  const both = (kind: string) => Promise.all([a.hears.of(kind, onA), b.hears.of(kind, onB)])
  await both('federation.peer.active')
  const ms = performance.now() - begun
  await a.platform.peers.revokePeer({ peerId: onA })
  await both('federation.peer.revoked')
  return ms
}
