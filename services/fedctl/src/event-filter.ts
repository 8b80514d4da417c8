import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { peerIdOf } from './peer-choice.ts'
import { valueOf } from './render/words.ts'
import type { Session } from './session.ts'
import { since } from './values.ts'

type Asked = {
  readonly kind: string
  readonly source: string
  readonly severity?: string | undefined
  readonly since?: string | undefined
  readonly peer?: string | undefined
}

/** Which events, as listing and watching them have in common. */
export async function eventFilter(session: Session, asked: Asked) {
  return {
    kindPrefix: asked.kind,
    source: asked.source,
    peerId: await peerIdOf(session, asked.peer),
    ...(asked.severity !== undefined && { severity: valueOf(Severity, asked.severity) as Severity }), // chosen from its words
    ...(asked.since !== undefined && { since: timestampFromDate(since(asked.since, session.clock.now())) }),
  }
}
