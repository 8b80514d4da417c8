import { Doorbell } from '@powernode/events'

/** Everybody who watches the feed here, on one LISTEN for all. */
export type Watchers = {
  /** The feed may have grown. */
  ring(): void
  /** A bell for one more watcher, until it leaves. */
  join(): { readonly bell: Doorbell; leave(): void }
}

export function createWatchers(): Watchers {
  const bells = new Set<Doorbell>()
  return {
    ring() {
      for (const bell of bells) bell.ring()
    },
    join() {
      const bell = new Doorbell()
      bells.add(bell)
      return { bell, leave: () => void bells.delete(bell) }
    },
  }
}
