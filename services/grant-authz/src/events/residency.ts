import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import {
  OverrideChangedSchema,
  ResidencyChangedSchema,
  ResidencyRulesChangedSchema,
} from '@powernode/proto/powernode/residency/v1/events_pb.ts'
import type { Override } from '../override.ts'
import type { Region } from '../region.ts'
import type { DeclaredNews, Residency, ResidencyRule, ResidencySettings } from '../residency.ts'
import { overrideToWire, residencyToWire, ruleToWire, rulesToWire } from '../wire-residency.ts'

/** Who did it, and as part of which call. */
export type By = { readonly actor: string; readonly requestId: string; readonly traceparent?: string }

/** What no operator asked for: the service itself, when it starts or time passes. */
export const BY_OURSELVES: By = { actor: 'service/grant-authz', requestId: '' }

/** fed.residency.set.<peer id>: data that goes to the peer has to stay elsewhere than before. */
export function residencySet(before: Residency, after: Residency, { at, by }: { at: Date; by: By }): Announcement {
  return { ...aboutPeer(before, after, at), word: 'set', severity: 'medium', ...causeOf(by) }
}

/**
 * fed.residency.declared.<peer id>: the peer says that it is outside of our tag; or inside of it after all. That counts for
 * nothing where the place that is pinned is another, until an operator sets the tag again; where the peer is back, data
 * goes there again.
 */
export function residencyDeclared(
  before: Residency,
  after: Residency,
  { news, at, by }: { news: DeclaredNews; at: Date; by: By },
): Announcement {
  const severity = news === 'back' ? 'high' : 'medium'
  return { ...aboutPeer(before, after, at), word: 'declared', severity, ...causeOf(by) }
}

/** fed.residency.<rule-set|rule-removed>.<rule id>. */
export function ruleChanged(
  word: 'rule-set' | 'rule-removed',
  rule: ResidencyRule,
  { at, by }: { at: Date; by: By },
): Announcement {
  const payload = create(ResidencyRulesChangedSchema, { rule: ruleToWire(rule) })
  const peerId = rule.peerId
  return { noun: 'residency', word, severity: 'medium', id: rule.id, peerId, at, payload, ...causeOf(by) }
}

/** fed.residency.regions-changed.all: a region was added or moved, or is gone. */
export function regionsChanged(
  said: { readonly settings: ResidencySettings; readonly changed?: Region; readonly removed?: string },
  { at, by }: { at: Date; by: By },
): Announcement {
  const regions = said.changed ? [said.changed] : []
  const payload = create(ResidencyRulesChangedSchema, {
    rules: rulesToWire({ settings: said.settings, rules: [], regions }),
    removedRegion: said.removed ?? '',
  })
  return {
    ...ABOUT_ALL,
    word: 'regions-changed',
    at,
    payload,
    ...causeOf(by),
  }
}

/** fed.residency.defaults-changed.all: the default mode or the home region is another. */
export function defaultsChanged(settings: ResidencySettings, { at, by }: { at: Date; by: By }): Announcement {
  const payload = create(ResidencyRulesChangedSchema, { rules: rulesToWire({ settings, rules: [], regions: [] }) })
  return { ...ABOUT_ALL, word: 'defaults-changed', at, payload, ...causeOf(by) }
}

const ABOUT_ALL = { noun: 'residency', id: 'all', severity: 'medium' } as const

const SEVERITY = { overridden: 'high', 'override-used': 'high', 'override-revoked': 'low' } as const

/** fed.residency.<overridden|override-used|override-revoked>.<override id>: an entry of its own in the peer's ledger. */
export function overrideChanged(
  word: keyof typeof SEVERITY,
  override: Override,
  { at, by }: { at: Date; by: By },
): Announcement {
  const payload = create(OverrideChangedSchema, { override: overrideToWire(override, at) })
  const { id, peerId } = override
  return { noun: 'residency', word, severity: SEVERITY[word], id, peerId, at, payload, ...causeOf(by) }
}

function aboutPeer(before: Residency, after: Residency, at: Date) {
  const payload = create(ResidencyChangedSchema, {
    residency: residencyToWire(after),
    previous: residencyToWire(before),
  })
  return { noun: 'residency', id: after.peerId, peerId: after.peerId, at, payload } as const
}

function causeOf({ actor, requestId, traceparent }: By) {
  return { actor, correlationId: requestId, traceparent }
}
