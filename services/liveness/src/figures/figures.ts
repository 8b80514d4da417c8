import { addPacked, noRoundTrips, pack, type RoundTrips } from './round-trips.ts'

/** What one peering was worth for some time. Mutable: they are counted with every beat. */
export type Figures = {
  /** How long it was watched; and of that, how long beats were fresh both ways, and in each. */
  watchedMs: number
  bothMs: number
  heardMs: number
  heardByThemMs: number
  beatsSent: number
  beatsAnswered: number
  beatsHeard: number
  silences: number
  longestSilenceMs: number
  readonly roundTrips: RoundTrips
}

/** The same as a row holds them. */
export type PackedFigures = Readonly<Omit<Figures, 'roundTrips'>> & { readonly roundTrips: Buffer }

export const noFigures = (): Figures => ({
  watchedMs: 0,
  bothMs: 0,
  heardMs: 0,
  heardByThemMs: 0,
  beatsSent: 0,
  beatsAnswered: 0,
  beatsHeard: 0,
  silences: 0,
  longestSilenceMs: 0,
  roundTrips: noRoundTrips(),
})

export const packed = (of: Figures): PackedFigures => ({ ...of, roundTrips: pack(of.roundTrips) })

/** What some spans come to. The longest silence is the longest of one span: it goes on counting where the next one begins. */
export function sumOf(rows: readonly PackedFigures[]): Figures {
  const sum = noFigures()
  for (const row of rows) {
    sum.watchedMs += row.watchedMs
    sum.bothMs += row.bothMs
    sum.heardMs += row.heardMs
    sum.heardByThemMs += row.heardByThemMs
    sum.beatsSent += row.beatsSent
    sum.beatsAnswered += row.beatsAnswered
    sum.beatsHeard += row.beatsHeard
    sum.silences += row.silences
    sum.longestSilenceMs = Math.max(sum.longestSilenceMs, row.longestSilenceMs)
    addPacked(sum.roundTrips, row.roundTrips)
  }
  return sum
}
