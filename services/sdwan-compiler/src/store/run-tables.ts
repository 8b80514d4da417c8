import type { RunFailure, RunState, Skill, StepStatus } from '../run.ts'

/** The tables of runs (0006_run.sql). */
export type RunTables = {
  run: {
    id: string
    request_id: string | null
    skill: Skill
    request: Buffer
    state: RunState
    roll_back_on_failure: boolean
    failures: readonly RunFailure[]
    requested_by: string
    correlation_id: string
    traceparent: string
    requested_at: Date
    finished_at: Date | null
    due_at: Date
    attempts: number
  }
  run_step: {
    run_id: string
    place: number
    name: string
    action: string
    status: StepStatus
    detail: string
    record_kind: string | null
    record_id: string | null
  }
}
