// An authorization server for the tests: node-oidc-provider with dynamic registration, resource indicators, rotated refresh
// tokens, introspection and revocation. It asks whoever logs in for consent at /interaction/ID; ID/accept and ID/refuse
// stand for the buttons. Settings come as JSON in the first argument; it prints its issuer as its only line, and ends with its stdin.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

process.on('uncaughtException', (e) => {
  console.log(`failed: ${e.stack.replaceAll('\n', ' ')}`)
  process.exit(1)
})
const settings = JSON.parse(process.argv[1] ?? '{}')
const require = createRequire(settings.modules + '/')
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href)

const server = createServer()
await new Promise((ready) => server.listen(0, '127.0.0.1', ready))
const issuer = `http://127.0.0.1:${server.address().port}`
const scopes = ['tools', 'files']
const provider = new Provider(issuer, {
  clients: [
    { client_id: 'inspector', client_secret: 'inspector-secret', redirect_uris: [], response_types: [], grant_types: [] },
  ],
  scopes: ['openid', ...(settings.online ? [] : ['offline_access']), ...scopes],
  clientDefaults: { id_token_signed_response_alg: 'RS256' },
  cookies: { keys: ['a test'] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    registration: { enabled: settings.registration ?? true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: scopes.join(' '), accessTokenTTL: settings.ttl ?? 3600, accessTokenFormat: 'opaque' }),
      useGrantedResource: () => true,
    },
    revocation: { enabled: true },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, i) => `/interaction/${i.uid}` },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: settings.ttl ?? 3600, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 600 },
})

async function interact(request, response, answer) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (answer === undefined) {
    response.end(`${prompt.name}: ${params.scope}`)
    return
  }
  if (answer === 'refuse') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'the user said no' })
    return
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: 'user' } }, { mergeWithLastSubmission: false })
    return
  }
  const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope ?? 'openid')
  for (const r of [params.resource].flat().filter(Boolean)) grant.addResourceScope(r, scopes.join(' '))
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true })
}

const serve = provider.callback()
server.on('request', (request, response) => {
  const [, uid, answer] = request.url.match(/^\/interaction\/([^/]+)(?:\/(accept|refuse))?$/) ?? []
  if (!uid) return serve(request, response)
  interact(request, response, answer).catch((e) => {
    response.statusCode = 500
    response.end(String(e))
  })
})
process.stdin.on('end', () => process.exit(0)).resume()
console.log(issuer)
