import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import { RunMovedSchema } from '@powernode/proto/powernode/sdwan/v1/events_pb.ts'
import type { Run as WireRun } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { By } from '../by.ts'
import type { RunState } from '../run.ts'

/** What is told of a run in each state that people wait for. */
const WORDS = {
  running: ['run_started', 'low'],
  done: ['run_done', 'low'],
  partial: ['run_failed', 'medium'],
  failed: ['run_failed', 'medium'],
  rolled_back: ['run_rolled_back', 'medium'],
} as const satisfies Partial<Record<RunState, readonly [string, 'low' | 'medium']>>

/** fed.sdwan.run_<word>.<run id>; undefined: nobody is told of that state. */
export function runMoved(
  state: RunState,
  run: WireRun,
  { by, at }: { readonly by: By; readonly at: Date },
): Announcement | undefined {
  if (state === 'rolling_back') return undefined
  const [word, severity] = WORDS[state]
  return {
    noun: 'sdwan',
    word,
    id: run.id,
    severity,
    actor: by.actor,
    at,
    correlationId: by.requestId,
    traceparent: by.traceparent,
    payload: create(RunMovedSchema, { run }),
  }
}
