import type { Clock } from '@powernode/clock'
import type { Instance } from '../instance.ts'
import { plainLine } from '../plain-line.ts'
import type { Look } from '../providers/provider.ts'
import type { ProviderRecord } from '../records.ts'
import { limited } from '../saga/limited.ts'
import type { OpenProviders } from './open-providers.ts'

type Deps = { readonly clock: Clock; readonly providers: OpenProviders }
type Of = { readonly provider: ProviderRecord; readonly instance: Instance }

const MOST_PROGRESS = 1_000
const MOST_LINE = 4_000

/**
 * How a machine is, as its provider says within `ms`. What a machine says of itself is whatever its guest likes: it MUST be
 * a plain line before anybody keeps or shows it, or a child could decide what can be noted about it.
 */
export async function lookAtInstance(
  { clock, providers }: Deps,
  { provider: record, instance: { providerRef } }: Of,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
): Promise<Look> {
  const ask = (until: AbortSignal) => providers.of(record).look(providerRef, until)
  const { state, progress, console } = await limited(
    { clock, ms, what: `${record.name}: a look at ${providerRef}` },
    ask,
    signal,
  )
  return {
    state,
    progress: plainLine(progress, MOST_PROGRESS),
    console: console.map((line) => plainLine(line, MOST_LINE)),
  }
}
