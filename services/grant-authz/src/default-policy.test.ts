import { expect, test } from 'vitest'
import { defaultsFor, UNTIGHTENED, type SpawnModeWord, type SpawnRoleWord } from './default-policy.ts'

const MODES: readonly SpawnModeWord[] = ['managed_child', 'autonomous_peer', 'cluster_member', 'out_of_band']
const ROLES: readonly SpawnRoleWord[] = ['parent', 'child', 'symmetric']

test('what is given by itself, by what we are to each other: the table', () => {
  const lines = MODES.flatMap((mode) =>
    ROLES.map((role) => {
      const { operatorGrant, capabilities } = defaultsFor({ mode, role }, UNTIGHTENED)
      const ways = capabilities.map(({ resourceKind, direction }) => `${resourceKind} ${direction.slice(0, 4)}`)
      return `${mode} ${role}: ${operatorGrant?.scopes.join('+') ?? '-'}; ${ways.join(', ') || '-'}`
    }),
  )
  expect(lines).toEqual([
    'managed_child parent: -; NodeModule push, service_offering push, platform_deployment pull',
    'managed_child child: read+write+admin; NodeModule pull, service_offering pull, platform_deployment push',
    'managed_child symmetric: -; -',
    'autonomous_peer parent: -; -',
    'autonomous_peer child: -; -',
    'autonomous_peer symmetric: -; -',
    'cluster_member parent: -; -',
    'cluster_member child: -; -',
    'cluster_member symmetric: -; -',
    'out_of_band parent: -; -',
    'out_of_band child: -; -',
    'out_of_band symmetric: -; -',
  ])
})

test('settings tighten the table, and never widen it', () => {
  const child = { mode: 'managed_child', role: 'child' } as const
  const given = (operatorGrant: boolean, operatorGrantScopes: readonly ('read' | 'write' | 'admin' | 'migrate')[]) =>
    defaultsFor(child, { operatorGrant, operatorGrantScopes }).operatorGrant?.scopes
  expect(given(true, ['read', 'migrate'])).toEqual(['read'])
  expect(given(true, ['migrate'])).toBeUndefined()
  expect(given(false, ['read'])).toBeUndefined()
})

test('both ends of a managed child say the same of each kind: who pushes is whom the other pulls from', () => {
  const [up, down] = (['child', 'parent'] as const).map((role) =>
    defaultsFor({ mode: 'managed_child', role }, UNTIGHTENED).capabilities.map(
      ({ resourceKind, direction, conflictResolution }) => ({
        resourceKind,
        pushes: direction.startsWith('push'),
        wins: conflictResolution,
      }),
    ),
  )
  const opposite = down?.map(({ resourceKind, pushes, wins }) => ({
    resourceKind,
    pushes: !pushes,
    wins: wins === 'local_wins' ? 'remote_wins' : 'local_wins',
  }))
  expect(up).toEqual(opposite)
})
