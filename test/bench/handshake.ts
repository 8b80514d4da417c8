import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { federate, TestPlatform } from '../mesh.ts'
import { measureBareHandshake } from './bare-handshake.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const HANDSHAKES = 100
/** Nothing is warm before the first few, and the hundredth operator does not wait for a compiler. */
const WARM_UP = 5
/** The timers of a real platform: nothing here may live from beating fast. */
const TIMERS = { HEARTBEAT_INTERVAL: '60s', STALE_AFTER: '5m' }

/** From the operator's accept to active on both sides, between two whole platforms, each service its own process. */
export async function run(): Promise<Report> {
  const options = { processes: true, throughToDisk: true, registry: TIMERS }
  const [a, b] = await Promise.all([TestPlatform.start('a', options), TestPlatform.start('b', options)])
  try {
    for (let at = 0; at < WARM_UP; at++) await once(a, b)
    const times: number[] = []
    for (let at = 1; at <= HANDSHAKES; at++) {
      times.push(await once(a, b))
      if (at % 20 === 0)
        say(`${at} handshakes: p50 ${median(times).toFixed(0)} ms, p99 ${quantile(times, 0.99).toFixed(0)} ms`)
    }
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
      runs: times.map((ms) => rounded(ms, 0)),
    }
  } finally {
    await Promise.all([a.stop(), b.stop()])
  }
}

/** One handshake, and its end, so that the next one meets no peer. */
async function once(a: TestPlatform, b: TestPlatform): Promise<number> {
  const { onA, onB, ms } = await federate(a, b)
  await a.peers.revokePeer({ peerId: onA })
  await Promise.all([a.untilState(onA, PeerState.REVOKED), b.untilState(onB, PeerState.REVOKED)])
  return ms
}
