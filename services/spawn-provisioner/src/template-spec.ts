import type { JsonObject } from '@bufbuild/protobuf'
import { problemsOfTemplate } from '@powernode/payload'
import { Refusal } from '@powernode/rpc'

/** It goes to the provider with every child, and back to whoever lists templates. */
const MOST_BYTES = 16_384

/**
 * Refuses a spec by which no child could be made. What is ours in it: `provider`, a name, and what a machine is told in the place
 * of what its parent would say (`contact`, `jurisdiction`, `advertise_url`); the other keys are the provider's.
 */
export function checkSpec(spec: JsonObject): void {
  if (Buffer.byteLength(JSON.stringify(spec)) > MOST_BYTES) throw invalid(`has more than ${MOST_BYTES} bytes as JSON`)
  const { provider } = spec
  if (provider !== undefined && (typeof provider !== 'string' || provider === ''))
    throw invalid('provider: is not the name of one')
  const [problem] = problemsOfTemplate(spec)
  if (problem !== undefined) throw invalid(problem)
}

const invalid = (what: string) => new Refusal('REQUEST_INVALID', `spec: ${what}`)
