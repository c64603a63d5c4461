/** What an application holds: caches, their policy and codecs, errors, health. */
package dev.holdfast.cache;
