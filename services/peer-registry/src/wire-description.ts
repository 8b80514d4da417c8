import { create, type JsonObject } from '@bufbuild/protobuf'
import { durationFromMs, durationMs, type Duration } from '@bufbuild/protobuf/wkt'
import {
  ContractWindowSchema,
  DisclosureSchema,
  EndpointSchema,
  PlatformDescriptionSchema,
  TimersSchema,
  type ContractWindow as WireWindow,
  type Endpoint as WireEndpoint,
  type PlatformDescription,
  type Timers as WireTimers,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { ContractWindow } from './contract.ts'
import { NOTHING_DISCLOSED, type Description, type Endpoint } from './description.ts'
import { mostPatience, type Timers } from './peer.ts'
import type { Platform, Us } from './platform.ts'
import { printable } from './text.ts'
import { checkPeerUrl } from './url.ts'
import { SCOPES, wordOf } from './wire-words.ts'

/**
 * What we say of ourselves. What is configured goes before what was allocated; but of our version there is one word for all
 * our processes, or peers would hear another with every beat while an upgrade rolls.
 */
export function descriptionOf(
  { platformId, trustDomain, key, self }: Us,
  { prefixAdvertisement, platformVersion }: Pick<Platform, 'prefixAdvertisement' | 'platformVersion'>,
): PlatformDescription {
  return create(PlatformDescriptionSchema, {
    platformId,
    identityKey: key.publicKey,
    trustDomain,
    name: self.name,
    disclosure: create(DisclosureSchema, { ...self.disclosure, platformVersion }),
    contractWindow: windowToWire(self.window),
    endpoints: self.endpoints.map(endpointToWire),
    capabilities: self.capabilities as JsonObject,
    extensionSlugs: [...self.extensionSlugs],
    prefixAdvertisement: self.prefixAdvertisement || prefixAdvertisement,
    dataResidency: self.dataResidency,
  })
}

/** What they say of themselves, as we keep it. */
export function descriptionFromWire(said: PlatformDescription): Description {
  const { contact, jurisdiction, platformVersion, releaseTag } = said.disclosure ?? NOTHING_DISCLOSED
  return {
    disclosure: {
      contact: printable(contact),
      jurisdiction: printable(jurisdiction),
      platformVersion: printable(platformVersion),
      releaseTag: printable(releaseTag),
    },
    endpoints: said.endpoints.flatMap(endpointFromWire).toSorted((a, b) => a.priority - b.priority),
    capabilities: said.capabilities ?? {},
    extensionSlugs: said.extensionSlugs.toSorted(),
    prefixAdvertisement: said.prefixAdvertisement,
    dataResidency: printable(said.dataResidency),
  }
}

export const windowToWire = ({ min, max, features }: ContractWindow): WireWindow =>
  create(ContractWindowSchema, { min, max, features: [...features] })

export const windowFromWire = (said: WireWindow | undefined): ContractWindow | undefined =>
  said && { min: said.min, max: said.max, features: said.features }

export const endpointToWire = ({ url, scope, priority, cidrHint }: Endpoint): WireEndpoint =>
  create(EndpointSchema, { url, scope: SCOPES[scope], priority, cidrHint })

function endpointFromWire({ url, scope, priority, cidrHint }: WireEndpoint): Endpoint[] {
  const word = wordOf(SCOPES, scope)
  return word ? [{ url: checkPeerUrl(url), scope: word, priority, cidrHint }] : []
}

export const timersToWire = ({ heartbeatIntervalMs, staleAfterMs, staleAfterMostMs }: Timers): WireTimers =>
  create(TimersSchema, {
    heartbeatInterval: durationFromMs(heartbeatIntervalMs),
    staleAfter: durationFromMs(staleAfterMs),
    staleAfterMost: durationFromMs(staleAfterMostMs),
  })

export function timersFromWire(said: WireTimers | undefined): Timers | undefined {
  if (!said?.heartbeatInterval || !said.staleAfter) return undefined
  const staleAfterMs = durationMs(said.staleAfter)
  const staleAfterMostMs = said.staleAfterMost ? durationMs(said.staleAfterMost) : mostPatience(staleAfterMs)
  return { heartbeatIntervalMs: durationMs(said.heartbeatInterval), staleAfterMs, staleAfterMostMs }
}

export const msOf = (duration: Duration | undefined): number | undefined => duration && durationMs(duration)
