/** Access to servers that speak Redis' commands: addresses, credentials, TLS and limits. */
@NullMarked
package dev.holdfast.cache.redis;

import org.jspecify.annotations.NullMarked;
