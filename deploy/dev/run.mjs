// Runs a TypeScript program of this project on the Node it is pinned to, installing what is missing first.
//
//   node deploy/dev/run.mjs <script.ts> [arguments …]
//
// Plain JavaScript, because it is what a machine with only Node 20 and npm runs first. It prints nothing of its own
// on stdout: a program's output passes through untouched.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..')
const BIN = join(ROOT, 'node_modules', '.bin')
const LOCK = join(ROOT, 'package-lock.json')
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json')
const PINNED = join(BIN, 'node')
/** The oldest Node that runs our TypeScript as it is, and that the tests are run on. */
const OLDEST_MAJOR = 24

/** Whether node_modules lacks something that package-lock.json names. */
function isInstallDue() {
  if (!existsSync(INSTALLED)) return true
  if (!hasNode() && isPinnedHere()) return true
  return statSync(LOCK).mtimeMs > statSync(INSTALLED).mtimeMs && !holdsTheLocked()
}

/** A newer lock file alone says little (git touches it): what counts is whether other versions are wanted. */
function holdsTheLocked() {
  const wanted = JSON.parse(readFileSync(LOCK, 'utf8')).packages
  const held = JSON.parse(readFileSync(INSTALLED, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.startsWith('node_modules/') ||
      (optional && !held[path]) ||
      (link ? held[path]?.link : held[path]?.version === version),
  )
}

const hasNode = () => existsSync(PINNED) || Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR
const isPinnedHere = () => process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)

/** Runs `npm ci` unless another run is at it, in which case waits for that one. */
async function install() {
  const lock = join(ROOT, '.cache', 'install.lock')
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  while (!take(lock)) await sleep(250)
  try {
    if (isInstallDue()) await npmCi()
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(lock) {
  try {
    const file = openSync(lock, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (!isHeld(lock)) rmSync(lock, { force: true })
    return false
  }
}

/** A lock whose process is gone was left by a run that was killed. */
function isHeld(lock) {
  try {
    const owner = Number(readFileSync(lock, 'utf8'))
    // Taken a moment ago, and not written yet.
    if (owner === 0) return Date.now() - statSync(lock).mtimeMs < 10_000
    process.kill(owner, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function npmCi() {
  const from = performance.now()
  process.stderr.write('installing packages (npm ci) … ')
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = spawn('npm', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = []
  npm.stdout.on('data', (chunk) => said.push(chunk))
  npm.stderr.on('data', (chunk) => said.push(chunk))
  const code = await new Promise((done) =>
    npm.on('close', done).on('error', (error) => (said.push(`${error}\n`), done(1))),
  )
  if (code !== 0) {
    process.stderr.write(`failed\n${said.join('')}`)
    process.exit(1)
  }
  process.stderr.write(`done in ${Math.round((performance.now() - from) / 1000)} s\n`)
}

/** Runs the program, hands it every signal once, and ends as it ended. */
function execute(node, args) {
  const watch = join(ROOT, 'deploy', 'dev', 'exit-with-parent.mjs')
  const child = spawn(node, ['--import', watch, ...args], {
    stdio: 'inherit',
    // Its own process group: the terminal's Ctrl-C then reaches it through us alone, not twice.
    detached: true,
    env: {
      ...process.env,
      PATH: [BIN, process.env.PATH].filter(Boolean).join(delimiter),
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, '.cache', 'compile'),
    },
  })
  const passed = new Map()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => {
      // npm and the terminal both send one for a single Ctrl-C.
      if (performance.now() - (passed.get(signal) ?? -Infinity) < 300) return
      passed.set(signal, performance.now())
      child.kill(signal)
    })
  }
  const parent = process.ppid
  const watching = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watching) // once: a second signal would be obeyed at once, and nothing put in order
    child.kill('SIGTERM')
  }, 500).unref()
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

if (process.argv.length < 3) fail('usage: node deploy/dev/run.mjs <script.ts> [arguments …]')
if (isInstallDue()) await install()
if (!hasNode())
  fail(`Node ${OLDEST_MAJOR} or later is needed on ${process.platform}-${process.arch}: https://nodejs.org/en/download`)
execute(existsSync(PINNED) ? PINNED : process.execPath, process.argv.slice(2))
