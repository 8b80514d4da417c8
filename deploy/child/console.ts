/** A console is for a glance; whoever wants all of it reads the logs. */
const LONGEST = 400

/** A line of the machine's console that its provider understands (services/spawn-provisioner/src/providers/console.ts). */
export function tell(what: 'boot' | 'serving' | 'progress' | 'ended', words: string): void {
  process.stdout.write(`powernode: ${what} ${words.replaceAll(/\s+/g, ' ').slice(0, LONGEST)}\n`)
}
