import { NoticeSchema, type Notice } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { plain } from './plain.ts'
import { factsOf } from './problem.ts'
import type { Session } from './session.ts'

/** What a peer has told us of its own compromise. */
export type Compromises = { readonly found: readonly Notice[]; readonly unavailable: readonly string[] }

/** The newest first: one page is more than a day of them. */
export async function compromisesOf({ clients }: Session, peerId: string): Promise<Compromises> {
  try {
    const asked = { direction: 'received', kind: 'compromise', peerId, pageSize: 100 }
    return { found: (await clients.notices.listNotices(asked)).notices, unavailable: [] }
  } catch (error) {
    return { found: [], unavailable: [`peer-registry: ${factsOf(error).message}`] }
  }
}

export const plainCompromises = (found: readonly Notice[]) => found.map((notice) => plain(NoticeSchema, notice))
