import { spawn, type ChildProcess } from 'node:child_process'

/**
 * Ends what runs in the namespaces of one lab, gently and then not, and removes them and the lab's directories. Reads its
 * pipe to the end first: that is when whoever made the lab is gone, however it ended.
 */
const SCRIPT = `
while read -r _; do :; done
spaces() { ip netns list | cut -d' ' -f1 | grep "^$1-"; cat "$2/namespaces" 2>/dev/null; }
for signal in TERM KILL; do
  for space in $(spaces "$1" "$2"); do
    for pid in $(ip netns pids "$space"); do kill -s "$signal" "$pid"; done
  done
  [ "$signal" = KILL ] || for turn in 1 2 3 4 5 6 7 8 9 10; do
    left=''
    for space in $(spaces "$1" "$2"); do left="$left$(ip netns pids "$space")"; done
    [ -z "$left" ] && break
    sleep 0.1
  done
done
for space in $(spaces "$1" "$2"); do ip netns del "$space"; done
rm -rf "$2" /etc/frr/"$1"-* /var/run/frr/"$1"-*
`

/**
 * Watches over a lab from a process of its own. A signal for the death of a parent (PR_SET_PDEATHSIG) is not enough here:
 * the kernel forgets it for daemons that change their user, as those of FRR do, and namespaces would stay anyway.
 */
export class Janitor {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  constructor(prefix: string, dir: string) {
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'janitor', prefix, dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    child.unref()
    this.#child = child
    this.#ended = new Promise((resolve, reject) => child.once('error', reject).once('exit', () => resolve()))
  }

  /** Has it clean up now, and waits for that. */
  async finish(): Promise<void> {
    this.#child.ref()
    this.#child.stdin?.end()
    await this.#ended
  }
}
