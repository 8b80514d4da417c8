import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a tool of this machine to its end; a failure says what it said. */
export async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const options = { ...(cwd !== undefined && { cwd }), maxBuffer: 64 * 1024 * 1024, timeout: 600_000 }
    return (await promisify(execFile)(command, [...args], options)).stdout
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string } // what execFile rejects with
    throw new Error(`${command} failed: ${(stderr || message).trim().split('\n').slice(-3).join(' | ')}`, { cause })
  }
}
