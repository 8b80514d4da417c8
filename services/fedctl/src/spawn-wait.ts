import { ChildState, type Child } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'
import { span } from './render/time.ts'
import { word } from './render/words.ts'
import type { Session } from './session.ts'
import { newsItem, spawnNews, type SpawnNews } from './spawn-news.ts'

type Goal = { readonly ms: number; readonly goal: ChildState }

/**
 * Waits for a child to be active, or to be gone, and shows every step on the way.
 *
 * Ends early when it cannot come to that any more. What is not there in time goes on without us.
 */
export async function untilChild(session: Session, childId: string, { ms, goal }: Goal): Promise<Child> {
  const late = new AbortController()
  const signal = AbortSignal.any([session.signal, late.signal])
  const arrived = new AbortController()
  const timer = session.clock.sleep(ms, AbortSignal.any([session.signal, arrived.signal])).then(() => late.abort())
  let last: Child | undefined
  try {
    // Beyond active too: it may stand there, and is to be gone.
    for await (const news of spawnNews(session, { child: childId, follow: true, signal })) {
      last = news.child
      showStep(session, news)
      if (last.state === goal) return last
      if (last.state === ChildState.GONE || (goal === ChildState.ACTIVE && last.state === ChildState.UNDOING))
        throw ended(last)
    }
  } finally {
    arrived.abort()
    await timer
  }
  throw session.signal.aborted ? interrupted(childId) : missed(last, childId, ms)
}

function showStep(session: Session, news: SpawnNews): void {
  session.emit({ ...newsItem(news), isItem: true })
}

function ended({ id, hostname, state, reason, next }: Child): Problem {
  return new Problem({
    reason: 'SPAWN_ENDED',
    message: `${hostname} came to nothing: ${reason}`,
    next: next || `fedctl child show ${id}`,
    metadata: { child_id: id, state: word(ChildState, state) },
    exitCode: EXIT.otherSideRefused,
  })
}

function missed(child: Child | undefined, childId: string, ms: number): Problem {
  const stands = child ? `${child.hostname} is ${word(ChildState, child.state)}: ${child.reason}` : 'nothing was heard'
  return new Problem({
    reason: 'TIMEOUT',
    message: `after ${span(ms)} ${stands}; it goes on`,
    next: child?.next || `fedctl child watch ${childId}`,
    exitCode: EXIT.timeout,
  })
}

const interrupted = (childId: string): Problem =>
  new Problem({
    reason: 'INTERRUPTED',
    message: 'interrupted; what was begun goes on',
    next: `fedctl child watch ${childId}`,
    exitCode: EXIT.fault,
  })
