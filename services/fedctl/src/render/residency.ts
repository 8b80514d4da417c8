import type { ResidencyRule, ResidencyRules } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Override, Residency, WhatIfResponse } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { decisionTable } from './decisions.ts'
import { sheet, table } from './table.ts'
import { age, left } from './time.ts'
import { plural } from './words.ts'

export function residencyTable(residencies: readonly Residency[], { to, now, width }: Canvas, name: NamePeers): string {
  if (residencies.length === 0) return 'no peer has a residency tag, or says where it is'
  return table(
    residencies,
    [
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'TAG', text: ({ dataResidency }) => dataResidency || '-' },
      { title: 'MODE', text: ({ mode, dataResidency }) => mode || (dataResidency ? 'enforce' : '-') },
      { title: 'SAYS OF ITSELF', text: ({ declared }) => declared || '-' },
      {
        title: 'SAID WHEN SET',
        text: ({ located, dataResidency }) => (dataResidency && (located || 'not said')) || '-',
      },
      { title: 'SET', text: ({ setAt, setBy }) => (setAt ? `${age(setAt, now)} ago by ${setBy}` : '-') },
      { title: 'WHY', text: ({ reason }) => reason || '-' },
    ],
    to,
    width,
  )
}

/** Rules, regions and what holds where nothing else is said. */
export function rulesText(rules: ResidencyRules, canvas: Canvas, name: NamePeers): string {
  const { to } = canvas
  const standing = sheet(
    [
      ['mode by itself', rules.defaultMode || 'off'],
      ['our own data is in', rules.homeRegion || 'not known'],
    ],
    to,
  )
  return [
    standing,
    `${to.bold('Rules')}\n${ruleTable(rules.rules, canvas, name)}`,
    `${to.bold('Regions')}\n${regionTree(rules)}`,
  ].join('\n\n')
}

export function ruleTable(rules: readonly ResidencyRule[], { to, width }: Canvas, name: NamePeers): string {
  if (rules.length === 0) return 'no rules'
  return table(
    rules,
    [
      { title: 'RULE', text: ({ id }) => id },
      { title: 'PEER', text: ({ peerId }) => name(peerId) || 'every' },
      { title: 'CLASS', text: ({ dataClass }) => dataClass },
      { title: 'ONLY TO', text: ({ allowedRegions }) => allowedRegions.join(',') || 'nowhere' },
      { title: 'MODE', text: ({ mode }) => mode || "the peer's" },
    ],
    to,
    width,
  )
}

/** Each region under the one it lies in. */
function regionTree({ regions }: ResidencyRules): string {
  const shown = new Set<string>()
  const under = (parent: string, depth: number): string[] =>
    regions
      .filter((region) => region.parent === parent && !shown.has(region.name))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((region) => {
        shown.add(region.name)
        return [`${'  '.repeat(depth)}${region.name}`, ...under(region.name, depth + 1)]
      })
  return under('', 0).join('\n') || 'no regions'
}

export function overrideTable(overrides: readonly Override[], { to, now, width }: Canvas, name: NamePeers): string {
  if (overrides.length === 0) return 'no overrides'
  return table(
    overrides,
    [
      { title: 'OVERRIDE', text: ({ id }) => id },
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => (status === 'open' ? to.warn : to.dim) },
      { title: 'KIND', text: ({ resourceKind }) => resourceKind },
      { title: 'ID', text: ({ resourceId }) => resourceId || 'any' },
      { title: 'EXPIRES', text: ({ status, expiresAt }) => (status === 'open' ? `in ${left(expiresAt, now)}` : '-') },
      { title: 'USED BY', text: ({ decisionId }) => decisionId || '-' },
      { title: 'MADE', text: ({ createdAt, createdBy }) => `${age(createdAt, now)} ago by ${createdBy}` },
      { title: 'WHY', text: ({ reason }) => reason },
    ],
    to,
    width,
  )
}

export function whatIfText(answer: WhatIfResponse, canvas: Canvas, name: NamePeers): string {
  const { lookedAt, wouldBeRefused, wouldBeAllowed, changed } = answer
  const head =
    `of ${plural(lookedAt, 'call')}, ${wouldBeRefused} that went through would be refused, ` +
    `and ${wouldBeAllowed} that were refused would go through`
  return changed.length > 0 ? `${head}\n\n${decisionTable(changed, canvas, name)}` : head
}
