//! Mistakes, and what is said about each.

use super::*;

/// What is in the file, and the messages about it.
const WRONG_FILES: &[(&str, &[&str])] = &[
    // What is no TOML, or not even text.
    ("a = ", &["1:5: string values must be quoted, expected literal string"]),
    ("listen = ['127.0.0.1:1']\nlisten = ['127.0.0.1:2']", &["2:1: duplicate key"]),
    // Keys.
    ("pth = '/'", &["1:1: pth: is not a setting; did you mean path?"]),
    ("ping_interval_ms = 5", &["1:1: ping_interval_ms: is not a setting; did you mean engine.ping_interval_ms?"]),
    (
        "[engine]\npingInterval = 5",
        &["2:1: engine.pingInterval: is not a setting; did you mean engine.ping_interval_ms?"],
    ),
    ("[cors]\norigin = '*'", &["2:1: cors.origin: is not a setting; did you mean cors.origins?"]),
    ("\"a\\nb\" = 1", &["1:1: a\\nb: is not a setting"]),
    ("'log.format' = 'json'", &["1:1: \"log.format\": is not a setting; did you mean log.format?"]),
    ("[tsl]\ncert = 'a'", &["1:2: tsl: is not a setting"]),
    ("engine = 5", &["1:1: engine: expected a table, [engine], found 5"]),
    ("[path]", &["1:2: path: expected text, found a table"]),
    (
        "[ops]\ntoken_env = 'NOBODY_SETS_THIS'",
        &[
            "2:1: ops.token_env: expected the name of a variable of the environment that has a token, found \"NOBODY_SETS_THIS\"",
        ],
    ),
    // Times and numbers.
    (
        "[engine]\n  ping_interval_ms = '25s'",
        &["2:3: engine.ping_interval_ms: expected a whole number of milliseconds from 1 to 86400000, found \"25s\""],
    ),
    (
        "engine.ping_interval_ms = 0",
        &["1:8: engine.ping_interval_ms: expected a whole number of milliseconds from 1 to 86400000, found 0"],
    ),
    (
        "engine.upgrade_timeout_ms = -1\nengine.connect_timeout_ms = 18446744073709551616",
        &[
            "1:8: engine.upgrade_timeout_ms: expected a whole number of milliseconds from 1 to 86400000, found -1",
            "2:8: engine.connect_timeout_ms: expected a whole number of milliseconds from 1 to 86400000, found 18446744073709551616",
        ],
    ),
    (
        "engine.ping_timeout_ms = 20",
        &["1:8: engine.ping_timeout_ms: expected a whole number of milliseconds from 100 to 86400000, found 20"],
    ),
    ("drain.wait_s = 1.5", &["1:7: drain.wait_s: expected a whole number of seconds from 0 to 3600, found 1.5"]),
    ("shutdown_deadline_ms = 5000", &["1:1: shutdown_deadline_ms: is not a setting; did you mean drain.deadline_s?"]),
    (
        "drain.deadline_s = 20",
        &["1:7: drain.deadline_s: expected at least drain.wait_s and drain.spread_s together, 30, found 20"],
    ),
    (
        "engine.max_payload_bytes = '1MB'",
        &["1:8: engine.max_payload_bytes: expected a whole number of bytes from 1 to 1073741824, found \"1MB\""],
    ),
    ("worker_threads = 0", &["1:1: worker_threads: expected a whole number of threads from 1 to 1024, found 0"]),
    (
        "limits.attachments_max = 1001",
        &["1:8: limits.attachments_max: expected a whole number of attachments from 0 to 1000, found 1001"],
    ),
    ("engine.allow_upgrades = 'yes'", &["1:8: engine.allow_upgrades: expected true or false, found \"yes\""]),
    ("engine.allow_upgrades = 1", &["1:8: engine.allow_upgrades: expected true or false, found 1"]),
    // Addresses and paths.
    (
        "listen = ['127.0.0.1:3000',\n  'localhost:3000']",
        &[
            "2:3: listen: expected an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found \"localhost:3000\"",
        ],
    ),
    (
        "listen = '127.0.0.1:3000'",
        &[
            "1:1: listen: expected a list: an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found \"127.0.0.1:3000\"",
        ],
    ),
    (
        "listen = [3000]",
        &[
            "1:11: listen: expected an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found 3000",
        ],
    ),
    (
        "listen = ['unix:relay.sock']",
        &[
            "1:11: listen: expected unix: and the whole path of a socket, from `/` on, of at most 107 bytes, found \"unix:relay.sock\"",
        ],
    ),
    (
        "listen = ['systemd:+1']",
        &["1:11: listen: expected systemd: and the number of a socket, from 0 on, found \"systemd:+1\""],
    ),
    ("listen = ['unix:/a', 'unix:/a']", &["1:22: listen: expected each only once, found \"unix:/a\""]),
    ("tls.key = 'k.pem'", &["1:5: tls.key: expected tls.certificate beside it"]),
    ("tls.certificate = 'k.pem'", &["1:5: tls.certificate: expected tls.key beside it"]),
    (
        concat!("[tls]\ncertificate = '", certificate!(), "'\nkey = '/dev/null'"),
        &["3:1: tls.key: /dev/null has no private key in PEM, without a passphrase"],
    ),
    (
        "proxy_protocol.trusted = ['10.0.0.1/8']",
        &[
            "1:27: proxy_protocol.trusted: expected an address or a block of them, such as 192.0.2.1 or 10.0.0.0/8, with nothing behind its prefix; or unix, found \"10.0.0.1/8\"",
        ],
    ),
    ("listen = []", &["1:1: listen: expected at least one address, found an empty list"]),
    (
        "listen = ['0.0.0.0:1', '127.0.0.1:1']",
        &["1:1: listen: expected addresses of which none has another in it: 127.0.0.1:1 is a part of 0.0.0.0:1"],
    ),
    (
        "listen = ['[::1]:1', '[::]:1']",
        &["1:1: listen: expected addresses of which none has another in it: [::1]:1 is a part of [::]:1"],
    ),
    (
        "listen = ['127.0.0.1:1', '[::]:1']",
        &["1:1: listen: expected addresses of which none has another in it: 127.0.0.1:1 is a part of [::]:1"],
    ),
    (
        "listen = ['127.0.0.1:1', '[::ffff:127.0.0.1]:1']",
        &["1:1: listen: expected each address once: [::ffff:127.0.0.1]:1 is the same as 127.0.0.1:1"],
    ),
    ("listen = ['[::1]:1', '[::1]:1']", &["1:22: listen: expected each only once, found \"[::1]:1\""]),
    (
        "path = '/socket.io'",
        &["1:1: path: expected a path that starts and ends with `/`, such as /socket.io/, found \"/socket.io\""],
    ),
    (
        "path = 'socket.io/'",
        &["1:1: path: expected a path that starts and ends with `/`, such as /socket.io/, found \"socket.io/\""],
    ),
    (
        "path = '/a/../b c/'",
        &[
            "1:1: path: expected a path of letters, digits and -._~!$&'()*+,;=:@%, without the segments `.` and `..`, found \"/a/../b c/\"",
        ],
    ),
    (
        "client_dir = '/nowhere/at/all'",
        &[
            "1:1: client_dir: expected a folder that can be read, found \"/nowhere/at/all\" (/nowhere/at/all: No such file or directory (os error 2))",
        ],
    ),
    ("client_dir = '/etc/passwd'", &["1:1: client_dir: expected a folder, which this is not, found \"/etc/passwd\""]),
    // Transports and the cookie.
    ("engine.parser = 'protobuf'", &["1:8: engine.parser: expected \"json\" or \"msgpack\", found \"protobuf\""]),
    (
        "engine.transports = []",
        &["1:8: engine.transports: expected \"polling\", \"websocket\" or both, found an empty list"],
    ),
    (
        "engine.transports = ['polling', 'webtransport']",
        &["1:33: engine.transports: expected \"polling\", \"websocket\" or both, found \"webtransport\""],
    ),
    (
        "engine.transports = ['polling', 'polling']",
        &["1:33: engine.transports: expected each only once, found \"polling\""],
    ),
    ("engine.cookie = true", &["1:8: engine.cookie: expected a table, [engine.cookie], found true"]),
    (
        "engine.cookie.name = 'a b'",
        &["1:15: engine.cookie.name: expected a cookie name: letters, digits and !#$%&'*+-.^_`|~, found \"a b\""],
    ),
    (
        "engine.cookie.path = '/;secure'",
        &["1:15: engine.cookie.path: expected a path that starts with `/`, without blanks or `;`, found \"/;secure\""],
    ),
    ("engine.cookie.domain = ''", &["1:15: engine.cookie.domain: expected a domain such as example.com, found \"\""]),
    (
        "engine.cookie.same_site = 'None'",
        &["1:15: engine.cookie.same_site: expected \"strict\", \"lax\" or \"none\", found \"None\""],
    ),
    (
        "[engine.cookie]\nsame_site = 'none'",
        &[
            "2:1: engine.cookie.same_site: expected engine.cookie.secure = true beside \"none\": browsers drop the cookie otherwise",
        ],
    ),
    // Origins.
    (
        "cors.origins = ['https://example.com/']",
        &[
            "1:17: cors.origins: expected an origin without a path or anything else after it, such as https://example.com, found \"https://example.com/\"",
        ],
    ),
    (
        "limits.address.trusted_proxies = ['10.0.0.1/8']",
        &[
            "1:35: limits.address.trusted_proxies: expected an address or a block of them, such as 192.0.2.1 or 10.0.0.0/8, with nothing behind its prefix; or unix, found \"10.0.0.1/8\"",
        ],
    ),
    (
        "cors.origins = ['example.com']",
        &[
            "1:17: cors.origins: expected `*` or an origin, scheme://host[:port], such as https://example.com, found \"example.com\"",
        ],
    ),
    (
        "cors.origins = ['*', 'http://a.example']",
        &["1:6: cors.origins: expected `*` alone, or only origins, found a list"],
    ),
    (
        "cors.origins = ['http://a.example', 'HTTP://A.example:80']",
        &["1:37: cors.origins: expected each only once, found \"HTTP://A.example:80\""],
    ),
    (
        "[cors]\norigins = ['*']\ncredentials = true",
        &["3:1: cors.credentials: expected cors.origins to be a list of origins: browsers refuse credentials for `*`"],
    ),
    // Limits.
    (
        "[limits.client]\nevents_per_s = -1\nevents_burst = 0\nover = 'block'\nevents_per_sec = 5",
        &[
            "2:1: limits.client.events_per_s: expected a whole number of events from 0 to 1000000, found -1",
            "3:1: limits.client.events_burst: expected a whole number of events from 1 to 1000000, found 0",
            "4:1: limits.client.over: expected \"slow\", \"refuse\", \"drop\" or \"close\", found \"block\"",
            "5:1: limits.client.events_per_sec: is not a setting; did you mean limits.client.events_per_s?",
        ],
    ),
    (
        "limits.address.ipv6_prefix = 8",
        &["1:16: limits.address.ipv6_prefix: expected a whole number of bits from 16 to 128, found 8"],
    ),
    ("limits.node = 5", &["1:8: limits.node: expected a table, [limits.node], found 5"]),
    (
        "errors.event = 'connect_error'",
        &[
            "1:8: errors.event: expected a name that Socket.IO does not reserve (connect, connect_error, disconnect, disconnecting, newListener, removeListener), found \"connect_error\"",
        ],
    ),
    // The log.
    (
        "log.filter = 'inof'",
        &[
            "1:5: log.filter: expected off, error, warn, info, debug or trace, also for a part of the program, such as info,engineio=debug, found \"inof\"",
        ],
    ),
    ("log.format = 'xml'", &["1:5: log.format: expected \"text\" or \"json\", found \"xml\""]),
    // Who may come in.
    (
        "[auth]\ntoken_from = ['token']",
        &["2:15: auth.token_from: expected auth.NAME, header:NAME, cookie:NAME or query:NAME, found \"token\""],
    ),
    ("auth.token_from = []", &["1:6: auth.token_from: expected at least one place, found an empty list"]),
    (
        "auth.warn_event = 'connect'",
        &[
            "1:6: auth.warn_event: expected a name that Socket.IO does not reserve (connect, connect_error, disconnect, disconnecting, newListener, removeListener), found \"connect\"",
        ],
    ),
    ("auth.grace_s = 0", &["1:6: auth.grace_s: expected a whole number of seconds from 1 to 3600, found 0"]),
    ("auth.issuer = 'x'", &["1:6: auth.issuer: expected [[auth.issuer]], tables in double brackets, found \"x\""]),
    ("auth.jwt = 'x'", &["1:6: auth.jwt: is not a setting"]),
    (
        "[[auth.issuer]]",
        &[
            "1:1: auth.issuer.iss: expected what the claim `iss` of its tokens is, found none",
            "1:1: auth.issuer.algorithms: expected the algorithms that it signs with, such as [\"RS256\"], found none",
            "1:1: auth.issuer.audience: expected what the claim `aud` of its tokens has to name, or [\"*\"] for anything, found none",
            "1:1: auth.issuer: expected one of jwks_url, jwks_file, public_key_file, secret_file or secret_env, found none",
        ],
    ),
    (
        "[[auth.issuer]]\niss = ''\nalgorithms = ['none']\naudience = []\njwks_url = 'http://idp.example/'\njwksurl = ''",
        &[
            "2:1: auth.issuer.iss: expected text that is not empty, found \"\"",
            "3:15: auth.issuer.algorithms: expected one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, found \"none\"",
            "4:1: auth.issuer.audience: expected what the claim `aud` may name, or [\"*\"] for anything, found an empty list",
            "5:1: auth.issuer.jwks_url: expected an address that begins with https:// (or http:// for this machine itself), found \"http://idp.example/\"",
            "6:1: auth.issuer.jwksurl: is not a setting; did you mean auth.issuer.jwks_url?",
        ],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256', 'HS256']\naudience = ['x', '*']\njwks_url = 'https://a:b@idp.example/'",
        &[
            "4:1: auth.issuer.audience: expected \"*\" alone, or only names, found a list",
            "5:1: auth.issuer.jwks_url: expected an address that begins with https:// (or http:// for this machine itself), found what is not repeated here, since there may be a secret in it",
        ],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256', 'HS256']\naudience = ['x']\njwks_url = 'https://idp.example/'",
        &["3:1: auth.issuer.algorithms: expected algorithms of public keys, found \"HS256\""],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256']\naudience = ['x']\njwks_url = 'https://a.example/'\nsecret_env = 'PATH'",
        &["6:1: auth.issuer.secret_env: expected one place for its keys, found \"jwks_url\" too"],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256']\naudience = ['x']\njwks_file = '/nowhere'",
        &[
            "5:1: auth.issuer.jwks_file: expected a file that can be read, found \"/nowhere\" (/nowhere: No such file or directory (os error 2))",
        ],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['HS256']\naudience = ['x']\nsecret_env = 'NO_SUCH'",
        &[
            "5:1: auth.issuer.secret_env: expected the name of a variable of the environment that has a secret, found \"NO_SUCH\"",
        ],
    ),
    (
        "[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256']\naudience = ['x']\njwks_url = 'https://a.example/'\n[[auth.issuer]]\niss = 'a'\nalgorithms = ['RS256']\naudience = ['x']\njwks_url = 'https://b.example/'",
        &["7:1: auth.issuer.iss: expected each issuer once, found a second \"a\""],
    ),
    ("[[auth.token]]", &["1:1: auth.token.sha256: expected the SHA-256 of a token, 64 hexadecimal digits, found none"]),
    (
        "[[auth.token]]\nsha256 = 'secret'\nclaims = 'sub'",
        &[
            "2:1: auth.token.sha256: expected the SHA-256 of a token, 64 hexadecimal digits, found \"secret\"",
            "3:1: auth.token.claims: expected a table such as { sub = \"sensor-1\" }, found \"sub\"",
        ],
    ),
    (
        "[ops]\ntoken_env = 'the-token_itself9'\n[auth.webhook]\nurl = 'app/?key=1'",
        &[
            "2:1: ops.token_env: expected the name of a variable of the environment that has a token, found what is not repeated here, since there may be a secret in it",
            "4:1: auth.webhook.url: expected an address, such as http://127.0.0.1:8080/socket-auth, found what is not repeated here, since there may be a secret in it",
        ],
    ),
    ("[auth.webhook]\ncache_s = 1", &["2:1: auth.webhook.cache_s: expected auth.webhook.url beside it"]),
    (
        "[auth.webhook]\nurl = '/socket-auth'\nheaders = ['a b']",
        &[
            "2:1: auth.webhook.url: expected an address, such as http://127.0.0.1:8080/socket-auth, found \"/socket-auth\"",
            "3:12: auth.webhook.headers: expected the name of a header, found \"a b\"",
        ],
    ),
    (
        "auth.required = ['/']",
        &[
            "1:6: auth.required: expected an [[auth.issuer]], an [[auth.token]] or an [auth.webhook] somewhere: nobody could be known in \"/\"",
        ],
    ),
    (
        "auth.required = ['/x']\nauth.webhook.url = 'http://a/'",
        &["1:6: auth.required: expected namespaces that exist, found \"/x\""],
    ),
    (
        "auth.renew_event = 'a'\n[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'",
        &["1:6: auth.renew_event: expected an event that nothing else is about, found \"a\", as in \"/\""],
    ),
    // Namespaces.
    ("[namespace]\nname = '/'", &["1:2: namespace: expected [[namespace]], tables in double brackets, found a table"]),
    ("namespace = ['/']", &["1:14: namespace: expected [[namespace]], tables in double brackets, found \"/\""]),
    ("[[namespace]]\n", &["1:1: namespace.name: expected a name, such as \"/\", found none"]),
    (
        "[[namespace]]\nname = 'chat'",
        &[
            "2:1: namespace.name: expected a name that starts with `/` and has no `,`, `?` or control character, found \"chat\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/a?b'\n[[namespace]]\nname = \"/a\\u007f\"",
        &[
            "2:1: namespace.name: expected a name that starts with `/` and has no `,`, `?` or control character, found \"/a?b\"",
            "4:1: namespace.name: expected a name that starts with `/` and has no `,`, `?` or control character, found \"/a\\u{7f}\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/a'\n\n[[namespace]]\nname = '/a'",
        &["5:1: namespace.name: expected each namespace once, found a second \"/a\""],
    ),
    (
        "[[namespace]]\nname = '/'\nrules = []",
        &["3:1: namespace.rules: is not a setting; did you mean namespace.rule?"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\n[[namespace]]\nname = '/b'",
        &[
            "5:1: namespace: expected at least one [[namespace.rule]] for \"/b\", since there are rules elsewhere; one with on = \"*\" relays every event",
        ],
    ),
    // Rules.
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\nto = 'all'",
        &["3:1: namespace.rule.on: expected an event name or \"*\", found none"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\n[[namespace.rule]]\non = 'a'\nto = 'others'",
        &["6:1: namespace.rule.on: expected one rule for each event, found a second for \"a\""],
    ),
    (
        "[[namespace]]\nname = '/'\nrule = [{ on = '*' }, { on = '*' }]",
        &["3:25: namespace.rule.on: expected one rule for each event, found a second for \"*\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'disconnect'\nemit = 'connect'",
        &[
            "4:1: namespace.rule.on: expected a name that Socket.IO does not reserve (connect, connect_error, disconnect, disconnecting, newListener, removeListener), found \"disconnect\"",
            "5:1: namespace.rule.emit: expected a name that Socket.IO does not reserve (connect, connect_error, disconnect, disconnecting, newListener, removeListener), found \"connect\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = '*'\nemit = '*'",
        &["5:1: namespace.rule.emit: expected an event name (without \"emit\" each event keeps its own), found \"*\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = ''",
        &["4:1: namespace.rule.on: expected an event name, found \"\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = 'everyone'",
        &[
            "5:1: namespace.rule.to: expected \"all\", \"others\", \"sender\" or { room = \"name\" }, found \"everyone\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { rooms = 'x' }",
        &["5:1: namespace.rule.to: expected \"all\", \"others\", \"sender\" or { room = \"name\" }, found a table"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { room = '' }",
        &["5:1: namespace.rule.to: expected the name of a room, found \"\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nvolatil = true",
        &["5:1: namespace.rule.volatil: is not a setting; did you mean namespace.rule.volatile?"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\njoin = 'x'\nemit = 'b'",
        &[
            "6:1: namespace.rule.emit: expected \"to\" beside it: a rule with \"join\" or \"leave\" sends only if it says to whom",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\njoin = 'x'\nleave = 'x'",
        &["6:1: namespace.rule.leave: expected another room than \"join\" has, found \"x\""],
    ),
    // Who may come in, and where to.
    (
        "[[namespace]]\nname = '/'\nauth = 'yes'",
        &["3:1: namespace.auth: expected \"required\", \"optional\" or \"none\", found \"yes\""],
    ),
    (
        "[[namespace]]\nname = '/'\nrooms = []",
        &["3:1: namespace.rooms: expected at least one room, found an empty list"],
    ),
    (
        "[[namespace]]\nname = '/'\nrooms = ['{claims.sub}']",
        &[
            "3:10: namespace.rooms: expected a room that begins with a text with one of `:/.#` or the like in it, such as `account:`, found \"{claims.sub}\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\nrooms = ['a:{args.0}']",
        &[
            "3:10: namespace.rooms: expected a room without `args`: there is no event whose arguments it could be made of, found \"a:{args.0}\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\njoin = { on = 'j' }",
        &["3:1: namespace.join: expected { on = \"event\", allow = [\"pattern\"] }, found a table"],
    ),
    (
        "[[namespace]]\nname = '/'\njoin = { on = 'j', allow = ['a:*', 'b*c'] }",
        &["3:36: namespace.join.allow: expected one `*`, at the end, found \"b*c\""],
    ),
    (
        "[[namespace]]\nname = '/'\njoin = { on = '*', allow = ['a:*'] }",
        &["3:10: namespace.join.on: expected the name of one event, not `*`, found \"*\""],
    ),
    (
        "[[namespace]]\nname = '/'\nleave = { on = 'l' }",
        &["3:11: namespace.leave.on: expected \"join\" beside it, which says what rooms these are"],
    ),
    (
        "[[namespace]]\nname = '/'\nleave = { onn = 'l' }",
        &["3:11: namespace.leave.onn: is not a setting; did you mean namespace.leave.on?"],
    ),
    (
        "[[namespace]]\nname = '/'\njoin = { on = 'a', allow = ['a:*'] }\n[[namespace.rule]]\non = 'a'",
        &["3:10: namespace.join.on: expected one rule for each event, found a second for \"a\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { room = 'a:{claims.x' }",
        &["5:1: namespace.rule.to: expected `}` behind a path, or `{{` for a brace, found \"a:{claims.x\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { room = 'a:{x}' }",
        &[
            "5:1: namespace.rule.to: expected claims.NAME, args.NUMBER, args.NUMBER.NAME, socket.id or handshake.query.NAME in braces, found \"a:{x}\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { room = 'a:{claims.x}{claims.y}' }",
        &[
            "5:1: namespace.rule.to: expected one of `:/#` or the like between two values, which could not be told apart otherwise, found \"a:{claims.x}{claims.y}\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nto = { room = 'a', except_sender = 1 }",
        &["5:1: namespace.rule.to: expected true or false, found 1"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\njoin = 'a:{args.0}'\nto = { room = 'a:all' }",
        &["1:1: namespace: expected rooms that cannot be the same by accident, found \"a:{args.0}\" and \"a:all\""],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nwhen = { role = 'x' }",
        &["5:1: namespace.rule.when: expected { claims.NAME = value }, or a list of values, found a table"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nwhen = { claims.role = [1.5] }",
        &["5:25: namespace.rule.when: expected text of 1 to 256 bytes, a whole number, true or false, found 1.5"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nwhen = { claims.role = [] }",
        &[
            "5:24: namespace.rule.when: expected text of 1 to 256 bytes, a whole number, true or false, found an empty list",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nrequire_member = true",
        &[
            "5:1: namespace.rule.require_member: expected to = { room = \"name\" } beside it: the room that its sender has to be in",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nargs_min = 3\nargs_max = 2",
        &["5:1: namespace.rule.args_min: expected no more than \"args_max\" (2), found 3"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nargs_max = -1",
        &["5:1: namespace.rule.args_max: expected a whole number of arguments from 0 to 10000, found -1"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nbinary = false",
        &["5:1: namespace.rule.binary: expected \"allow\" or \"refuse\", found false"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nschema = []",
        &["5:1: namespace.rule.schema: expected at least one file, for the first argument, found an empty list"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nschema = ['/nowhere.json']",
        &[
            "5:11: namespace.rule.schema: expected a file that can be read, found \"/nowhere.json\" (/nowhere.json: No such file or directory (os error 2))",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nrate = 30",
        &["5:1: namespace.rule.rate: expected { per_s = number }, with \"burst\" and \"over\" if wanted, found 30"],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nrate = { burst = 3 }",
        &[
            "5:1: namespace.rule.rate: expected { per_s = number }, with \"burst\" and \"over\" if wanted, found a table",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nrate = { per_s = 0, over = 'wait' }",
        &[
            "5:10: namespace.rule.rate.per_s: expected a whole number of events from 1 to 1000000, found 0",
            "5:21: namespace.rule.rate.over: expected \"slow\", \"refuse\", \"drop\" or \"close\", found \"wait\"",
        ],
    ),
    (
        "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nrate = { pers = 3 }",
        &["5:10: namespace.rule.rate.pers: is not a setting; did you mean namespace.rule.rate.per_s?"],
    ),
    // All at once, from top to bottom, in characters and not bytes.
    (
        "worker_threads = 'é'\n[log]\nformat = 1\n[cors]\ncredentials = 2\norigins = ['é', 'http://b.example', '']",
        &[
            "1:1: worker_threads: expected a whole number of threads from 1 to 1024, found \"é\"",
            "3:1: log.format: expected \"text\" or \"json\", found 1",
            "5:1: cors.credentials: expected true or false, found 2",
            "6:12: cors.origins: expected `*` or an origin, scheme://host[:port], such as https://example.com, found \"é\"",
        ],
    ),
    (
        "listen = ['é', # é\n  'x']\nlog = { format = 'é', filter = '' }",
        &[
            "1:11: listen: expected an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found \"é\"",
            "3:9: log.format: expected \"text\" or \"json\", found \"é\"",
            "3:23: log.filter: expected off, error, warn, info, debug or trace, also for a part of the program, such as info,engineio=debug, found \"\"",
        ],
    ),
];

#[test]
fn each_mistake_in_a_file_is_told_with_its_place() {
    for (file, expected) in WRONG_FILES {
        let scratch = Scratch::new(file);
        let problems = load(Some(&scratch.path), [], &[]).unwrap_err();
        let prefix = format!("{}:", scratch.path.display());
        let messages: Vec<String> = problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
        assert_eq!(messages, *expected, "in\n{file}");
    }
}

#[test]
fn each_mistake_in_a_variable_or_flag_is_told_by_its_name() {
    for (variable, flag, expected) in [
        (
            Some(("FANFARE_PING_INTERVAL_MS", "25s")),
            None,
            "FANFARE_PING_INTERVAL_MS: expected a whole number of milliseconds from 1 to 86400000, found \"25s\"",
        ),
        (
            Some(("FANFARE_LISTEN", "127.0.0.1:1, x")),
            None,
            "FANFARE_LISTEN: expected an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found \"x\"",
        ),
        (Some(("FANFARE_LISTEN", ",")), None, "FANFARE_LISTEN: expected at least one address, found \",\""),
        (Some(("FANFARE_ALLOW_UPGRADES", "1")), None, "FANFARE_ALLOW_UPGRADES: expected true or false, found \"1\""),
        (
            Some(("FANFARE_RULE", "a,b,a@others")),
            None,
            "FANFARE_RULE: expected one rule for each event, found a second for \"a\"",
        ),
        (
            Some(("FANFARE_CORS_ORIGINS", "*")),
            None,
            "FANFARE_CORS_ORIGINS: is not a setting; did you mean FANFARE_CORS_ORIGIN?",
        ),
        (
            Some(("FANFARE_CORS_CREDENTIALS", "true")),
            Some(("--cors-origin", "*")),
            "FANFARE_CORS_CREDENTIALS: expected cors.origins to be a list of origins: browsers refuse credentials for `*`",
        ),
        (
            None,
            Some(("--listen", "")),
            "--listen: expected an IP address and a port, such as 127.0.0.1:3000 or [::]:3000, or unix:/a/path, or systemd:0, found \"\"",
        ),
        (None, Some(("--log-format", "xml")), "--log-format: expected \"text\" or \"json\", found \"xml\""),
        (
            None,
            Some(("--rule", "a@everyone")),
            "--rule: expected all, others, sender, room:NAME, join:NAME or leave:NAME after @, found \"a@everyone\"",
        ),
        (
            None,
            Some(("--client-dir", "/nowhere")),
            "--client-dir: expected a folder that can be read, found \"/nowhere\" (/nowhere: No such file or directory (os error 2))",
        ),
    ] {
        let flags: Vec<_> = flag.iter().map(|(flag, value)| (*flag, vec![(*value).to_owned()])).collect();
        let problems = load(None, os(variable.as_slice()), &flags).unwrap_err();
        let messages: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(messages, [expected]);
    }
}

#[test]
fn mistakes_of_file_environment_and_flags_are_told_together() {
    let file = Scratch::new("log.format = 'xml'");
    let flags = [("--path", vec!["x".to_owned()])];
    let problems = load(Some(&file.path), os(&[("FANFARE_PATH", "y")]), &flags).unwrap_err();
    // Each is wrong by itself, even what would be overridden.
    assert!(matches!(problems[0].place, Place::Line { .. }));
    assert_eq!(problems[1].place, Place::Variable("FANFARE_PATH".to_owned()));
    assert_eq!(problems[2].place, Place::Flag("--path"));
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_path() {
    let problems = load(Some(Path::new("/nowhere/relay.toml")), [], &[]).unwrap_err();
    assert_eq!(problems[0].to_string(), "/nowhere/relay.toml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_file_in_another_encoding_is_told_by_the_line_where_it_shows() {
    let file = Scratch::of_bytes(b"# one\npath = '/\xff/'\n");
    let problems = load(Some(&file.path), [], &[]).unwrap_err();
    assert_eq!(problems[0].to_string(), format!("{}:2:10: expected text in UTF-8", file.path.display()));
}

#[cfg(unix)]
#[test]
fn a_variable_in_another_encoding_is_told_by_its_name() {
    use std::os::unix::ffi::OsStringExt;

    let value = OsString::from_vec(vec![b'/', 0xff, b'/']);
    let problems = load(None, [(OsString::from("FANFARE_PATH"), value)], &[]).unwrap_err();
    assert_eq!(problems[0].to_string(), "FANFARE_PATH: expected text in UTF-8");
}

#[test]
fn what_works_but_may_not_be_meant_is_a_warning() {
    for (file, expected) in [
        (
            "[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'say'\nto = { room = 'lobby' }",
            "1:1: namespace: room \"lobby\" of namespace \"/\" is a target, but no rule joins it",
        ),
        (
            "[[namespace]]\nname = '/'\nauth = 'required'\n[auth.webhook]\nurl = 'http://127.0.0.1:1/'",
            "1:1: namespace: the rule for \"*\" of namespace \"/\", which has auth = \"required\", sends to everybody in it; \
             a room by template, such as to = { room = \"account:{claims.account}\" }, does not",
        ),
        (
            "[[namespace]]\nname = '/'\nrooms = ['a:{claims.x}']\n[[namespace.rule]]\non = 'a'\nto = { room = 'a:{args.0}' }",
            "1:1: namespace: namespace \"/\" reads claims, but with auth = \"none\" nobody has any",
        ),
        (
            "[[auth.token]]\nsha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'",
            "1:8: auth.token: has no effect: no namespace asks who somebody is, by auth.required or an auth of its own",
        ),
        (
            "[auth]\nrenew_event = 'renew'\ntoken_from = ['cookie:sid']",
            "2:1: auth.renew_event: has no effect: an event has no headers, so auth.token_from needs an auth.NAME too",
        ),
        (
            "cors.origins = ['null', 'http://a.example']",
            "1:6: cors.origins: \"null\" is the origin of files, and of any page that does not want to be known: each \
             can make itself one of these",
        ),
        (
            "cors.origins = ['file://']",
            "1:6: cors.origins: \"file://\" is the origin of every file that somebody opens in an application",
        ),
        ("cors.credentials = true", "1:6: cors.credentials: has no effect: cors.origins names none that may connect"),
        (
            "limits.outbox_bytes_max = 1000",
            "1:8: limits.outbox_bytes_max: is less than engine.max_payload_bytes (1000000): a client that has not yet \
             taken the largest message is closed by the next",
        ),
        (
            "limits.client = { events_per_s = 0, events_burst = 5 }",
            "1:37: limits.client.events_burst: has no effect: limits.client.events_per_s = 0 is no limit",
        ),
        (
            "client_dir = '/'",
            "1:1: client_dir: has no socket.io.js: the bundle is in the folder `dist` of the npm package \
             socket.io-client (or `client-dist` of socket.io)",
        ),
    ] {
        let scratch = Scratch::new(file);
        let warnings = load(Some(&scratch.path), [], &[]).unwrap().warnings;
        let prefix = format!("{}:", scratch.path.display());
        let messages: Vec<String> = warnings.iter().map(|warning| warning.to_string().replace(&prefix, "")).collect();
        assert_eq!(messages, [expected]);
    }
}

#[test]
fn a_room_that_a_rule_joins_is_no_warning() {
    let file = "[[namespace]]\nname = '/'\nrule = [{ on = 'a', join = 'x' }, { on = 'b', to = { room = 'x' } }]";
    assert_eq!(from_file(file).unwrap().warnings, []);
}

#[test]
fn a_schema_that_cannot_work_is_told_at_its_place_in_the_list() {
    for (schema, expected) in [
        ("{", "a JSON Schema (EOF while parsing an object at line 1 column 1)"),
        (r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#, "a JSON Schema of the draft 2020-12 or 7"),
        (
            r#"{"$ref":"https://example.com/a.json"}"#,
            "a JSON Schema whose references are to places in itself, as #/$defs/name, not \"https://example.com/a.json\"",
        ),
    ] {
        let schema = Scratch::new(schema);
        let name = schema.path.file_name().unwrap().to_str().unwrap();
        let file = format!("[[namespace]]\nname = '/'\n[[namespace.rule]]\non = 'a'\nschema = ['{name}']");
        let problems = from_file(&file).unwrap_err();
        let message = format!(":5:11: namespace.rule.schema: expected {expected}, found \"{name}\"");
        assert!(problems[0].to_string().ends_with(&message), "{problems:?}");
    }
}
