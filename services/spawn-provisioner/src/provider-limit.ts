import type { JsonObject } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'

const LIMIT = 'max_instances'

/** How many instances a provider may have at once, of whatever kind it is; undefined: as many as we may have children. */
export function mostInstances(config: JsonObject): number | undefined {
  const most = config[LIMIT]
  if (most === undefined) return undefined
  if (typeof most === 'number' && Number.isSafeInteger(most) && most >= 0) return most
  throw new Refusal('REQUEST_INVALID', `${LIMIT} is a whole number from 0 on`)
}

/** What is left of a configuration for its kind to understand. */
export const configOfKind = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).filter(([key]) => key !== LIMIT))
