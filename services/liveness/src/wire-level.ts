import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import { ServiceLevelSchema, type ServiceLevel } from '@powernode/proto/powernode/liveness/v1/level_pb.ts'
import { quantile } from './figures/round-trips.ts'
import type { Level } from './figures/window.ts'

/** The figures of one peering over one window. A part of nothing is not said. */
export function levelToWire(peerId: string, { window, since, coverage, figures }: Level): ServiceLevel {
  const { watchedMs, beatsSent, beatsAnswered, roundTrips } = figures
  const part = (key: string, of: number, whole: number) => (whole > 0 ? { [key]: of / whole } : {})
  const lasting = (key: string, ms: number | undefined) => (ms === undefined ? {} : { [key]: durationFromMs(Math.round(ms)) }) // prettier-ignore
  return create(ServiceLevelSchema, {
    peerId,
    window,
    since: timestampFromDate(since),
    coverage,
    ...part('availability', figures.bothMs, watchedMs),
    ...part('heard', figures.heardMs, watchedMs),
    ...part('heardByThem', figures.heardByThemMs, watchedMs),
    beatsSent: BigInt(beatsSent),
    beatsAnswered: BigInt(beatsAnswered),
    beatsHeard: BigInt(figures.beatsHeard),
    ...part('loss', beatsSent - beatsAnswered, beatsSent),
    ...lasting('roundTripP50', quantile(roundTrips, 0.5)),
    ...lasting('roundTripP99', quantile(roundTrips, 0.99)),
    silences: figures.silences,
    ...lasting('longestSilence', figures.longestSilenceMs > 0 ? figures.longestSilenceMs : undefined),
  })
}
