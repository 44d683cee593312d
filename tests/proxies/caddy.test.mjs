import { asDocumented, bare, keepsConnections, idle, noWebsocketsOverHttp2 } from './checks.mjs';

asDocumented('caddy');
bare('caddy');
idle('caddy');
keepsConnections('caddy');
noWebsocketsOverHttp2('caddy');
