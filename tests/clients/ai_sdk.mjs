// The Vercel AI SDK: node ai_sdk.mjs PROVIDER stream|whole BASE_URL PROMPT tools|plain, in the folder of its packages.
// Prints one JSON object: {"text", "steps"}.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const [provider, mode, url, prompt, kind] = process.argv.slice(2)
const require = createRequire(process.cwd() + '/')
const load = async (name) => require(name)

const { generateText, streamText, stepCountIs, tool, jsonSchema } = await load('ai')

const models = {
  'openai-responses': async () =>
    (await load('@ai-sdk/openai')).createOpenAI({ baseURL: url + '/v1', apiKey: 'unused' }).responses('auto'),
  'openai-chat': async () =>
    (await load('@ai-sdk/openai')).createOpenAI({ baseURL: url + '/v1', apiKey: 'unused' }).chat('auto'),
  'openai-compatible': async () =>
    (await load('@ai-sdk/openai-compatible')).createOpenAICompatible({ name: 'baton', baseURL: url + '/v1', apiKey: 'unused' })('auto'),
  anthropic: async () =>
    (await load('@ai-sdk/anthropic')).createAnthropic({ baseURL: url + '/v1', apiKey: 'unused' })('auto'),
  google: async () =>
    (await load('@ai-sdk/google')).createGoogleGenerativeAI({ baseURL: url + '/v1beta', apiKey: 'unused' })('auto'),
}

const asked = {
  model: await models[provider](),
  prompt,
  maxRetries: 0,
  maxOutputTokens: kind === 'plain' ? 64 : 4000,
  stopWhen: stepCountIs(4),
  tools: kind === 'plain' ? undefined : {
    read_note: tool({
      description: 'Read a file.',
      inputSchema: jsonSchema({
        type: 'object',
        properties: { path: { type: 'string' } },
        required: ['path'],
        additionalProperties: false,
      }),
      execute: async ({ path }) => readFile(path, 'utf8'),
    }),
  },
}

let text, steps
if (mode === 'stream') {
  const result = streamText({ ...asked, onError: ({ error }) => { throw error } })
  text = ''
  for await (const piece of result.textStream) text += piece
  steps = (await result.steps).length
} else {
  const result = await generateText(asked)
  text = result.text
  steps = result.steps.length
}
process.stdout.write(JSON.stringify({ text, steps }) + '\n')
