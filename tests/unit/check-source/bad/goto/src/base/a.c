/* SPDX-License-Identifier: Apache-2.0 */
int a_f(int x)
{
    if (x)
        goto out;
out:
    return x; /* a comment may say goto */
}
