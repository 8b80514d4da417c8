import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Breaker, Counts } from '../remediation/breaker.ts'
import type { Mode, Settings } from '../remediation/types.ts'
import type { Tables } from './tables.ts'

/** How the loop stands, and what it may do. */
export type Loop = Counts & {
  readonly mode: Mode
  readonly modeReason: string
  readonly modeBy: string
  readonly modeSince: Date | null
  readonly breaker: Breaker
  /** While it holds: ids of the peers that are latest, at most ten. */
  readonly latest: readonly string[]
  readonly tickTookMs: number
  readonly settings: Settings
}

type Row = Omit<Loop, 'breaker' | 'settings'> &
  Settings & { readonly breakerSince: Date | null; readonly breakerReason: string; readonly breakerCalmTicks: number }

const LOOP = sql.raw(`
  mode, mode_reason as "modeReason", mode_by as "modeBy", mode_since as "modeSince", breaker_since as "breakerSince",
  breaker_reason as "breakerReason", breaker_calm_ticks as "breakerCalmTicks", latest::text[] as latest, late, watched, tick_took_ms as "tickTookMs",
  breaker_share as "breakerShare", breaker_least as "breakerLeast", budget_per_hour as "budgetPerHour", patience,
  clock_skew_ms as "clockSkewMs", cert_warning_ms as "certWarningMs"`)

export async function find(tx: Tx<Tables>): Promise<Loop> {
  const { rows } = await sql<Row>`select ${LOOP} from remediation_loop`.execute(tx)
  return fromRow(rows)
}

/** As `find`, locked: whoever spends the budget or turns the breaker is alone. */
export async function lock(tx: Tx<Tables>): Promise<Loop> {
  const { rows } = await sql<Row>`select ${LOOP} from remediation_loop for update`.execute(tx)
  return fromRow(rows)
}

export async function saveTick(
  tx: Tx<Tables>,
  { breaker, late, watched, latest }: Pick<Loop, 'breaker' | 'late' | 'watched' | 'latest'>,
): Promise<void> {
  await sql`
    update remediation_loop
    set breaker_since = ${breaker.since}, breaker_reason = ${breaker.since ? breaker.reason : ''},
      breaker_calm_ticks = ${breaker.calmTicks}, late = ${late}, watched = ${watched},
      latest = ${latest}::uuid[]`.execute(tx)
}

export async function saveTook(tx: Tx<Tables>, tickTookMs: number): Promise<void> {
  await sql`update remediation_loop set tick_took_ms = ${tickTookMs}`.execute(tx)
}

export async function saveMode(
  tx: Tx<Tables>,
  { mode, modeReason, modeBy, modeSince }: Pick<Loop, 'mode' | 'modeReason' | 'modeBy' | 'modeSince'>,
): Promise<void> {
  await sql`
    update remediation_loop
    set mode = ${mode}, mode_reason = ${modeReason}, mode_by = ${modeBy}, mode_since = ${modeSince}`.execute(tx)
}

export async function saveSettings(tx: Tx<Tables>, settings: Settings): Promise<void> {
  const { breakerShare, breakerLeast, budgetPerHour, patience, clockSkewMs, certWarningMs } = settings
  await sql`
    update remediation_loop
    set breaker_share = ${breakerShare}, breaker_least = ${breakerLeast}, budget_per_hour = ${budgetPerHour},
      patience = ${patience}, clock_skew_ms = ${clockSkewMs}, cert_warning_ms = ${certWarningMs}`.execute(tx)
}

function fromRow([row]: readonly Row[]): Loop {
  if (!row) throw new Error('the row of the loop is gone')
  const { breakerSince, breakerReason, breakerCalmTicks, ...loop } = row
  const { breakerShare, breakerLeast, budgetPerHour, patience, clockSkewMs, certWarningMs, ...standing } = loop
  return {
    ...standing,
    breaker: { since: breakerSince, reason: breakerReason, calmTicks: breakerCalmTicks },
    settings: { breakerShare, breakerLeast, budgetPerHour, patience, clockSkewMs, certWarningMs },
  }
}
