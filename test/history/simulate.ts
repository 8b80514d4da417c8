import fc from 'fast-check'
import type { Answer, Deed, Line } from './history.ts'

/** A deed under way: it has been sent, has taken effect, has come back. */
type Under = { readonly number: number; readonly deed: Deed; effect: Answer | undefined }

/**
 * Histories of a platform that keeps its promise: each deed takes effect at one moment between its beginning and its
 * return. Callers overlap at will, gateways say nothing at times, answers are lost before or after the effect.
 */
export const simulated: fc.Arbitrary<Line[]> = fc
  .array(fc.tuple(fc.nat(), fc.nat(), fc.nat(99)), { minLength: 20, maxLength: 150 })
  .map((draws) => {
    const lines: Line[] = []
    const states = new Map<string, 'live' | 'revoked'>()
    let under: Under[] = []
    let number = 0
    for (const [first, second, chance] of draws) {
      if (under.length < 6 && chance < 45) {
        const grant = `g-${first % 2}`
        const does = DOES[second % DOES.length] ?? 'check'
        if (does === 'issue' && lines.some((line) => 'does' in line && line.does === 'issue' && line.grant === grant))
          continue
        const deed: Deed = { grant, does, by: `caller-${first % 5}` }
        lines.push({ invoke: ++number, ...deed })
        under.push({ number, deed, effect: undefined })
        continue
      }
      const one = under[first % Math.max(1, under.length)]
      if (!one) continue
      if (one.effect === undefined && chance < 97) {
        one.effect = effectOf(states, one.deed, chance)
        continue
      }
      under = under.filter((other) => other !== one)
      // The others were lost on the way there, or on the way back.
      if (one.effect !== undefined && chance < 90) lines.push({ return: one.number, answer: one.effect })
    }
    return lines
  })

const DOES: readonly Deed['does'][] = ['issue', 'check', 'check', 'check', 'check', 'check', 'revoke']

function effectOf(states: Map<string, 'live' | 'revoked'>, { grant, does }: Deed, chance: number): Answer {
  const state = states.get(grant)
  if (does === 'check') return chance > 90 ? 'undecided' : state === 'live' ? 'allowed' : 'denied'
  if (does === 'issue') {
    if (chance > 90) return 'refused'
    states.set(grant, 'live')
    return 'done'
  }
  if (state !== 'live') return 'refused'
  states.set(grant, 'revoked')
  return 'done'
}
