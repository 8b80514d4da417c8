// Preloaded into a program that must not outlive whoever started it: kill -9 gives a parent no chance to say so.
import { setInterval } from 'node:timers'

const parent = process.ppid
let asked = 0
setInterval(() => {
  if (process.ppid === parent) return
  asked += 1
  // First politely, so that children of ours end too; after 20 s the hard way.
  if (asked === 1) process.kill(process.pid, 'SIGTERM')
  if (asked === 40) process.kill(process.pid, 'SIGKILL')
}, 500).unref()
